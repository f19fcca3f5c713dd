use std::fmt;

use prometheus_client::{collector::Collector, encoding::DescriptorEncoder};

/// What the operating system says about this process, asked at each scrape. Nothing where it has no `/proc`.
#[derive(Debug)]
pub(super) struct Process;

impl Collector for Process {
    #[cfg(target_os = "linux")]
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        use prometheus_client::{
            encoding::EncodeMetric as _,
            metrics::{counter::ConstCounter, gauge::ConstGauge},
            registry::Unit,
        };

        if let Some(bytes) = linux::resident_bytes() {
            let level = ConstGauge::new(bytes);
            let help = "Memory of this process that is not swapped out";
            let metric =
                encoder.encode_descriptor("process_resident_memory", help, Some(&Unit::Bytes), level.metric_type())?;
            level.encode(metric)?;
        }
        if let Some(seconds) = linux::cpu_seconds() {
            let count = ConstCounter::new(seconds);
            let help = "Processor time of this process, user and system";
            let metric = encoder.encode_descriptor("process_cpu", help, Some(&Unit::Seconds), count.metric_type())?;
            count.encode(metric)?;
        }
        if let Some(open) = linux::open_files() {
            let level = ConstGauge::new(open);
            let metric =
                encoder.encode_descriptor("process_open_fds", "Open files and sockets", None, level.metric_type())?;
            level.encode(metric)?;
        }
        Ok(())
    }

    #[cfg(not(target_os = "linux"))]
    fn encode(&self, _: DescriptorEncoder<'_>) -> fmt::Result {
        Ok(())
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;

    /// proc(5), `/proc/pid/statm`: the second number is resident pages.
    pub(super) fn resident_bytes() -> Option<i64> {
        let text = fs::read_to_string("/proc/self/statm").ok()?;
        let pages: i64 = text.split(' ').nth(1)?.parse().ok()?;
        Some(pages * i64::try_from(rustix::param::page_size()).ok()?)
    }

    /// proc(5), `/proc/pid/stat`: the 14th and 15th fields, in clock ticks. The name, in parentheses, may hold anything, so it is skipped first.
    pub(super) fn cpu_seconds() -> Option<f64> {
        let text = fs::read_to_string("/proc/self/stat").ok()?;
        let (_, after_name) = text.rsplit_once(')')?;
        let mut fields = after_name.split_ascii_whitespace().skip(11);
        let user: u32 = fields.next()?.parse().ok()?;
        let system: u32 = fields.next()?.parse().ok()?;
        let ticks = u32::try_from(rustix::param::clock_ticks_per_second()).ok()?;
        Some((f64::from(user) + f64::from(system)) / f64::from(ticks))
    }

    pub(super) fn open_files() -> Option<i64> {
        // One of them is the look itself.
        i64::try_from(fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1)).ok()
    }
}
