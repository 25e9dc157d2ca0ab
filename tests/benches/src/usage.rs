//! Who used the processors, and how much memory, as `/proc` tells.

use std::fs;
use std::io;

/// `/proc` counts processor time in hundredths of a second, on every platform.
const TICKS: f64 = 100.0;

/// Processor time in seconds, since the machine started, of all processors together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Machine {
    /// Used by some process or by the system itself.
    pub busy: f64,
    /// Taken away by other machines on the same hardware.
    pub stolen: f64,
}

impl Machine {
    /// As it is now.
    ///
    /// # Errors
    /// There is no `/proc`.
    pub fn now() -> io::Result<Self> {
        Ok(Self::parse(&fs::read_to_string("/proc/stat")?))
    }

    fn parse(stat: &str) -> Self {
        // user, nice, system, idle, iowait, irq, softirq, steal
        let total = stat.lines().find_map(|line| line.strip_prefix("cpu ")).unwrap_or_default();
        let ticks: Vec<f64> = total.split_whitespace().filter_map(|field| field.parse().ok()).collect();
        let of = |index: usize| ticks.get(index).copied().unwrap_or_default() / TICKS;
        Self { busy: of(0) + of(1) + of(2) + of(5) + of(6), stolen: of(7) }
    }
}

/// One line of `/proc/PID/stat`.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Process {
    parent: u32,
    /// Seconds.
    own: f64,
    /// Seconds of children that have ended.
    ended_children: f64,
}

impl Process {
    /// `None` if there is no such process.
    fn of(id: &str) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{id}/stat")).ok()?)
    }

    fn parse(stat: &str) -> Option<Self> {
        // The name, in parentheses, may hold anything.
        let (_, rest) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let seconds = |index: usize| Some(fields.get(index)?.parse::<f64>().ok()? / TICKS);
        Some(Self {
            parent: fields.get(1)?.parse().ok()?,
            own: seconds(11)? + seconds(12)?,
            ended_children: seconds(13)? + seconds(14)?,
        })
    }
}

/// Processor time in seconds that the ended children of this process have used.
pub fn ended_children() -> f64 {
    Process::of("self").map_or(0.0, |process| process.ended_children)
}

/// Processor time in seconds of this process alone.
pub fn own() -> f64 {
    Process::of("self").map_or(0.0, |process| process.own)
}

/// Processor time in seconds that a server has used: the process itself and its children, ended and alive.
pub fn server(id: u32) -> f64 {
    let Some(server) = Process::of(&id.to_string()) else { return 0.0 };
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let names = processes.filter_map(|entry| entry.file_name().into_string().ok());
    let alive =
        names.filter(|name| name.bytes().all(|byte| byte.is_ascii_digit())).filter_map(|name| Process::of(&name));
    let children: f64 = alive.filter(|process| process.parent == id).map(|process| process.own).sum();
    server.own + server.ended_children + children
}

/// The most memory that this process has had resident, in bytes.
pub fn peak_memory() -> u64 {
    fs::read_to_string("/proc/self/status").map_or(0, |status| kilobytes(&status, "VmHWM:") << 10)
}

/// Model of the processor, their number, and memory in GiB, in words.
pub fn description() -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find(|line| line.starts_with("model name")).and_then(|line| line.split_once(':'));
    let model = model.map_or("unknown processor", |(_, model)| model.trim());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    format!("{cores} cores of {model}, {} GiB of memory", kilobytes(&memory, "MemTotal:") >> 20)
}

fn kilobytes(text: &str, label: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(label));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_proc_are_understood() {
        let machine = Machine::parse("cpu  100 25 50 4000 50 25 0 800 0 0\ncpu0 1 2 3\n");
        assert_eq!(machine, Machine { busy: 2.0, stolen: 8.0 });
        let stat = "42 (a) b (c) S 7 42 42 0 -1 0 0 0 0 0 150 50 1000 200 20 0 1 0";
        assert_eq!(Process::parse(stat), Some(Process { parent: 7, own: 2.0, ended_children: 12.0 }));
        assert_eq!(kilobytes("VmPeak: 9 kB\nVmHWM:\t 2048 kB\n", "VmHWM:"), 2048);
    }

    #[test]
    fn this_process_is_seen() {
        assert!(Machine::now().unwrap().busy > 0.0);
        assert!(peak_memory() > 0 && server(std::process::id()) >= 0.0);
    }
}
