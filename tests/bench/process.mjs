// What Linux says about processes: memory, and the CPU time they have used.
import fs from 'node:fs';

const TICK_MS = 10; // USER_HZ is 100 on every Linux that Node runs on

function stat(pid) {
  const text = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}

// The process and everything below it.
function family(pid) {
  const parents = new Map();
  for (const name of fs.readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      parents.set(Number(name), Number(stat(name)[1]));
    } catch {
      // It has ended meanwhile.
    }
  }
  const found = [Number(pid)];
  for (const one of found) for (const [child, parent] of parents) if (parent === one) found.push(child);
  return found;
}

/**
 * Memory in MiB now and at its peak, and CPU milliseconds so far, of the processes `pids` (separated by commas); with `children`, of all that they
 * started as well.
 */
export function usage(pids, { children = false } = {}) {
  const total = { rss: 0, peak: 0, cpu: 0 };
  const named = `${pids}`.split(',');
  for (const one of children ? named.flatMap(family) : named) {
    try {
      const fields = stat(one);
      // A process that ended has left its time with the one that waited for it.
      const times = children ? fields.slice(11, 15) : fields.slice(11, 13);
      total.cpu += times.reduce((sum, ticks) => sum + Number(ticks), 0) * TICK_MS;
      const status = fs.readFileSync(`/proc/${one}/status`, 'utf8');
      // What several processes share counts once, in shares.
      const memory = children ? fs.readFileSync(`/proc/${one}/smaps_rollup`, 'utf8') : status;
      total.rss += Number(/(?:VmRSS|Pss):\s+(\d+)/.exec(memory)?.[1] ?? 0) / 1024;
      total.peak += Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
    } catch (error) {
      if (!children) throw error;
    }
  }
  return total;
}
