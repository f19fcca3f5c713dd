/** What time it is, ticking once a second: the one place that reads the wall clock for the views. */
class Clock {
  now = $state(Date.now());

  /** Starts ticking. Returns how to stop. */
  start(): () => void {
    const timer = setInterval(() => {
      this.now = Date.now();
    }, 1000);
    return () => {
      clearInterval(timer);
    };
  }
}

export const clock = new Clock();
