use proptest::prelude::*;

use super::*;

fn read<'p>(pieces: impl IntoIterator<Item = &'p [u8]>, max_bytes: usize) -> (Vec<(String, String)>, bool) {
    let mut decoder = Decoder::new(max_bytes);
    let mut events = Vec::new();
    for piece in pieces {
        let mut input = decoder.feed(piece);
        loop {
            match input.next() {
                Ok(Some(event)) => events.push((event.name.to_owned(), event.data.text().into_owned())),
                Ok(None) => break,
                Err(_) => return (events, true),
            }
        }
    }
    (events, false)
}

fn data_of(text: &[u8]) -> Vec<String> {
    read([text], 1024).0.into_iter().map(|(_, data)| data).collect()
}

/// The standard's algorithm in its plainest form: decode, cut into lines, interpret.
fn by_the_book(stream: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(stream).replace("\r\n", "\n").replace('\r', "\n");
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(&text);
    let mut lines: Vec<&str> = text.split('\n').collect();
    lines.pop(); // no line end came
    let (mut events, mut name, mut data) = (Vec::new(), String::new(), String::new());
    for line in lines {
        if line.is_empty() {
            if !data.is_empty() {
                data.pop();
                events.push((std::mem::take(&mut name), std::mem::take(&mut data)));
            }
            name.clear();
            continue;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => {
                data.push_str(value);
                data.push('\n');
            }
            "event" => value.clone_into(&mut name),
            _ => {}
        }
    }
    events
}

#[test]
fn any_line_end_ends_a_line() {
    assert_eq!(data_of(b"data: a\n\ndata: b\r\rdata: c\r\n\r\ndata: d\r\n\n"), ["a", "b", "c", "d"]);
}

#[test]
fn an_event_without_its_blank_line_is_none() {
    assert_eq!(data_of(b"data: a\n\ndata: b\n"), ["a"]);
}

#[test]
fn one_byte_order_mark_is_dropped_however_it_is_split() {
    let stream = b"\xEF\xBB\xBFdata: a\n\n\xEF\xBB\xBFdata: b\n\n";
    for at in 0..stream.len() {
        let (head, tail) = stream.split_at(at);
        assert_eq!(read([head, tail], 64).0, [(String::new(), "a".to_owned())], "split at {at}");
    }
    assert_eq!(data_of(b"\xEF\xBBdata: a\n\ndata: b\n\n"), ["b"], "half a mark belongs to the first line");
}

#[test]
fn empty_data_lines_count() {
    assert_eq!(data_of(b"data\n\ndata:\ndata:\n\ndata:\ndata: x\n\nevent: e\n\n"), ["", "\n", "\nx"]);
}

#[test]
fn a_comment_may_be_of_any_length_and_costs_nothing() {
    let mut decoder = Decoder::new(16);
    for _ in 0..1000 {
        let mut input = decoder.feed(b": a long keep-alive ");
        assert_eq!(input.next(), Ok(None));
    }
    assert!(decoder.line.capacity() < 64);
    assert_eq!(decoder.feed(b"\ndata: a\n\n").next().map(|event| event.is_some()), Ok(true));
}

#[test]
fn the_bound_holds_for_lines_and_for_joined_data_in_any_split() {
    let line = b"data: 0123456789\n\n";
    let joined = b"data: 0123\ndata: 4567\ndata: 89ab\n\n";
    for stream in [&line[..], &joined[..]] {
        for at in 0..stream.len() {
            let (head, tail) = stream.split_at(at);
            assert!(!read([head, tail], 16).1, "fits, split at {at}");
        }
    }
    for (stream, max_bytes) in [(&line[..], 15), (&joined[..], 13)] {
        for at in 0..stream.len() {
            let (head, tail) = stream.split_at(at);
            assert_eq!(read([head, tail], max_bytes), (vec![], true), "too large, split at {at}");
        }
    }
}

#[test]
fn an_endless_line_stops_at_the_bound() {
    let mut decoder = Decoder::new(100);
    let error = (0..1000).find_map(|_| decoder.feed(b"data: xxxx").next().err());
    assert_eq!(error, Some(EventTooLarge { max_bytes: 100 }));
    assert!(decoder.line.len() <= 100);
}

const KEYS: Keys = Keys { kept: &["type"], fitting: &[], entered: &["response"] };

/// As [`read`], with a decoder that sifts.
fn sifted<'p>(
    pieces: impl IntoIterator<Item = &'p [u8]>,
    max_bytes: usize,
    above: usize,
) -> (Vec<(bool, String)>, bool) {
    let mut decoder = Decoder::new(max_bytes).sifting(&KEYS);
    let mut events = Vec::new();
    for piece in pieces {
        let mut input = decoder.feed(piece);
        loop {
            input.sift_above(Some(above));
            match input.next() {
                Ok(Some(event)) => events.push((event.sifted, event.data.text().into_owned())),
                Ok(None) => break,
                Err(_) => return (events, true),
            }
        }
    }
    assert!(decoder.line.len() <= max_bytes && decoder.data.len() <= max_bytes);
    (events, false)
}

#[test]
fn an_event_that_is_too_large_is_sifted_and_others_are_not() {
    let text = "x".repeat(100);
    let large = format!(r#"{{"response":{{"output":["{text}"],"type":"b"}},"text":"{text}","type":"a"}}"#);
    let small = r#"{"text":"x","type":"a"}"#;
    let left = r#"{"response":{"type":"b"},"type":"a"}"#;
    for end in ["\n", "\r\n", "\r"] {
        let one =
            ["data: ", small, end, end, "event: e", end, "data:", &large, end, end, "data:", small, end, end].concat();
        let lines = large.replace("],", &format!("],{end}data: "));
        let several =
            ["data: ", small, end, end, "data: ", &lines, end, ": c", end, end, "data: ", small, end, end].concat();
        for stream in [one, several] {
            for at in 0..stream.len() {
                let (head, tail) = stream.as_bytes().split_at(at);
                assert_eq!(
                    sifted([head, tail], 100, 64),
                    (vec![(false, small.to_owned()), (true, left.to_owned()), (false, small.to_owned())], false),
                    "split at {at}"
                );
            }
            assert_eq!(sifted(stream.as_bytes().chunks(1), 100, 64).0.len(), 3);
        }
    }
}

#[test]
fn what_is_sifted_has_no_bound_and_what_passes_keeps_its_own() {
    let mut decoder = Decoder::new(64).sifting(&KEYS);
    assert_eq!(decoder.feed(b"data: {\"output\":\"").next(), Ok(None));
    for _ in 0..10_000 {
        assert_eq!(decoder.feed(b"a text that comes again, whole").next(), Ok(None));
    }
    assert!(decoder.line.capacity() + decoder.data.capacity() < 512);
    let mut input = decoder.feed(b"\",\"type\":\"a\"}\n\n");
    assert_eq!(
        input.next().map(|event| event.map(|event| event.data.text().into_owned())),
        Ok(Some(r#"{"type":"a"}"#.to_owned()))
    );
    let long = format!("data: {{\"type\":\"{}\"}}\n\n", "x".repeat(100));
    let other = format!("event: {}\n", "x".repeat(100));
    for stream in [long, other] {
        for at in 0..stream.len() {
            let (head, tail) = stream.as_bytes().split_at(at);
            assert_eq!(sifted([head, tail], 64, 64), (vec![], true), "split at {at}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Streams made of what matters to the rules, cut at will: the events are those of the plain algorithm.
    #[test]
    fn any_split_gives_the_events_of_the_standard(
        parts in prop::collection::vec(
            prop::sample::select(vec![
                &b"data: "[..], b"data:", b"data", b"event: ", b"event:", b"id: 1", b": c", b":", b"\n", b"\n\n", b"\r",
                b"\r\n", b"\r\n\r\n", b" ", b"x", b"{\"a\":1}", b"[DONE]", b"\xEF\xBB\xBF", b"\xEF\xBB", b"\xFF",
                b"\xE2\x82", b"\xE2\x82\xAC", b"\0", b"\t", b"retry: 5", b"datax: y", b"dat",
            ]),
            0..40,
        ),
        cuts in prop::collection::vec(0usize..200, 0..8),
    ) {
        let stream: Vec<u8> = parts.concat();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(stream.len())).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let pieces = cuts.windows(2).map(|cut| &stream[cut[0]..cut[1]]);
        let read: (Vec<_>, bool) = read(pieces, 1 << 16);
        prop_assert_eq!(read, (by_the_book(&stream), false));
    }

    /// An event is sifted or not whatever the cuts are.
    #[test]
    fn any_split_gives_the_same_sifted_events(
        parts in prop::collection::vec(
            prop::sample::select(vec![
                "data: {", "data:", "data: ", "\"type\":", "\"x\":\"a long text\"", "\"response\":{", "}", ",", "[", "]", "1", "\n",
                "\n\n", "\r\n", ": c", "event: e\n", "}}\n\n", "x",
            ]),
            0..40,
        ),
        cuts in prop::collection::vec(0usize..300, 0..8),
        above in 16usize..60,
    ) {
        let stream = parts.concat();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(stream.len())).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let pieces = cuts.windows(2).map(|cut| &stream.as_bytes()[cut[0]..cut[1]]);
        prop_assert_eq!(sifted(pieces, 60, above), sifted([stream.as_bytes()], 60, above));
    }
}
