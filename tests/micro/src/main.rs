//! What decoder, normaliser and turn cost for each event. `cargo xtask bench micro` and `cargo xtask guard` start it.
//!
//! `micro table` prints time and allocations for each level and input; `micro counts EVENTS` prints allocations as
//! `level input allocations bytes`, one a line, for the guard; `micro held` the bytes that an open answer holds, by input;
//! `micro pass LEVEL INPUT EVENTS TIMES` passes an answer
//! through so many times, for callgrind to count.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool talks to the person who called it")]

mod input;
mod level;

use std::alloc::System;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, Stats, StatsAlloc};

use self::input::{Input, NAMES};
use self::level::Level;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Events in an answer of the table.
const EVENTS: u32 = 512;
/// Events of an open answer before upstream says no more.
const EVENTS_BEFORE_SILENCE: u32 = 64;
/// Time for each number of the table.
const TIME: Duration = Duration::from_millis(150);
/// Batches, of which the fastest counts: noise only ever adds.
const BATCHES: u32 = 7;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments.as_slice() {
        ["table"] => table(),
        ["counts", events] => counts(events),
        ["held"] => held(),
        ["pass", level, input, events, times] => pass(level, input, events, times),
        _ => Err("micro table | counts EVENTS | held | pass LEVEL INPUT EVENTS TIMES".to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("micro: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn input(name: &str, events: u32) -> Result<Input, String> {
    Input::of(name, events).ok_or_else(|| format!("no input {name}; there are {}", NAMES.join(", ")))
}

fn table() -> Result<(), String> {
    println!("| passes through | input | ns an event | allocations an event | bytes allocated an event |");
    println!("|---|---|---:|---:|---:|");
    for level in Level::ALL {
        for name in NAMES {
            let input = input(name, EVENTS)?;
            let nanoseconds = fastest(level, &input)?;
            let (allocations, bytes) = allocations(level, &input)?;
            let events = f64::from(EVENTS);
            println!(
                "| {} | {} | {:.0} | {:.2} | {:.0} |",
                level.name(),
                input.name,
                nanoseconds / events,
                allocations / events,
                bytes / events
            );
        }
    }
    Ok(())
}

/// Nanoseconds of one answer.
fn fastest(level: Level, input: &Input) -> Result<f64, String> {
    let once = Instant::now();
    level.pass(input)?;
    let times = (TIME.as_nanos() / u128::from(BATCHES) / once.elapsed().as_nanos().max(1)).clamp(1, 100_000);
    let mut best = f64::INFINITY;
    for _ in 0..BATCHES {
        let start = Instant::now();
        for _ in 0..times {
            std::hint::black_box(level.pass(std::hint::black_box(input))?);
        }
        #[expect(clippy::cast_precision_loss, reason = "at most 100,000")]
        let each = start.elapsed().as_secs_f64() * 1e9 / times as f64;
        best = best.min(each);
    }
    Ok(best)
}

/// Allocations of one answer, growing ones counted again, and their bytes.
fn allocations(level: Level, input: &Input) -> Result<(f64, f64), String> {
    // What is built once has been built.
    level.pass(input)?;
    let region = Region::new(ALLOCATOR);
    level.pass(input)?;
    let Stats { allocations, reallocations, bytes_allocated, .. } = region.change();
    #[expect(clippy::cast_precision_loss, reason = "counts of one answer")]
    Ok(((allocations + reallocations) as f64, bytes_allocated as f64))
}

fn counts(events: &str) -> Result<(), String> {
    let events = events.parse().map_err(|_| format!("{events} is no number"))?;
    for level in Level::ALL {
        for name in NAMES {
            let (allocations, bytes) = allocations(level, &input(name, events)?)?;
            println!("{} {name} {allocations} {bytes}", level.name());
        }
    }
    Ok(())
}

/// What a turn holds whose upstream is silent after some events: itself and all it has allocated.
fn held() -> Result<(), String> {
    let names = NAMES.map(|name| (name, name, EVENTS_BEFORE_SILENCE));
    // All that has come, came at once.
    let first_burst = ("first-burst", "sixteen", 16);
    for (name, input, events) in names.into_iter().chain([first_burst]) {
        let input = Input::open(input, events).ok_or("a name without an input")?;
        // What is built once has been built.
        drop(level::open(&input)?);
        let region = Region::new(ALLOCATOR);
        let open = level::open(&input)?;
        let Stats { bytes_allocated, bytes_deallocated, .. } = region.change();
        println!("{name} {}", bytes_allocated - bytes_deallocated + size_of_val(&open));
        drop(open);
    }
    Ok(())
}

fn pass(level: &str, name: &str, events: &str, times: &str) -> Result<(), String> {
    let number = |text: &str| text.parse::<u32>().map_err(|_| format!("{text} is no number"));
    let known = Level::ALL.into_iter().find(|known| known.name() == level);
    let level = known.ok_or_else(|| format!("no level {level}"))?;
    let input = input(name, number(events)?)?;
    for _ in 0..number(times)? {
        std::hint::black_box(level.pass(std::hint::black_box(&input))?);
    }
    Ok(())
}
