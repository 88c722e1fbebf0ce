//! The C library's heap, as far as a program has a say in it.
//!
//! glibc keeps what was freed for the next allocation, and returns to the system only what lies at the very end of its
//! heaps. One small allocation that lives on there holds all that is free below it.

/// Gives the free pages of all heaps back to the system, and says whether there were any. It takes about as long as the
/// pages take to be walked and unmapped (milliseconds for some hundred MiB), while whoever allocates waits. Where the C
/// library has no such call, nothing happens.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn give_back() -> bool {
    #[expect(unsafe_code, reason = "a call to the C library")]
    // SAFETY: it takes a number and no pointer, any thread may call it, and it moves nothing that is in use.
    let gave = unsafe { libc::malloc_trim(0) };
    gave == 1
}

/// Gives the free pages of all heaps back to the system. This C library has no such call: nothing happens.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn give_back() -> bool {
    false
}

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    use super::*;

    /// Bytes of this process that are in memory.
    fn resident() -> usize {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap_or_default() * 1024
    }

    #[test]
    fn what_was_freed_below_what_lives_on_goes_back() {
        const PIECES: usize = 4096;
        const PIECE: usize = 8 * 1024;
        let pieces: Vec<Vec<u8>> = (0..PIECES).map(|_| vec![1; PIECE]).collect();
        let lives_on = vec![1_u8; 100];
        drop(pieces);
        let before = resident();
        give_back();
        let after = resident();
        assert!(before > after + PIECES * PIECE / 2, "{before} and {after} bytes");
        drop(lives_on);
    }
}
