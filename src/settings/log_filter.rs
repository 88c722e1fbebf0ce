//! What the log lets through.

use tracing_subscriber::filter::Targets;

/// Reads a filter: `LEVEL` and `TARGET=LEVEL`, between commas; the longest target that fits decides. Nothing of spans and
/// fields: their patterns are regular expressions, which took a twentieth of the binary and, for one of 200 letters,
/// minutes. `None`: it cannot be read.
pub(crate) fn log_filter(text: &str) -> Option<Targets> {
    let directives: Vec<&str> = text.split(',').map(str::trim).filter(|directive| !directive.is_empty()).collect();
    if directives.is_empty() || text.contains(['[', '{']) {
        return None;
    }
    directives.join(",").parse().ok()
}

#[cfg(test)]
mod tests {
    #[test]
    fn white_space_and_empty_directives_do_not_count() {
        for (spaced, meant) in [("info, a=debug", "info,a=debug"), (" é=trace ,,\u{a0}aé=debug,", "é=trace,aé=debug")]
        {
            assert_eq!(super::log_filter(spaced), super::log_filter(meant));
            assert!(super::log_filter(meant).is_some());
        }
    }

    #[test]
    fn what_is_no_level_and_what_asks_for_spans_is_refused() {
        for wrong in ["a=loud", "a[b]=debug", "info,a[b{c=d}]=debug", ",", "a=b=c"] {
            assert!(super::log_filter(wrong).is_none(), "{wrong}");
        }
    }
}
