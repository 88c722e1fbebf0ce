//! Every text comes again, whole: what is told of that, and what need not be held for it.

use serde_json::json;

use super::*;

#[test]
fn a_text_that_comes_again_is_told_once_and_what_is_new_in_it_is_told() {
    for (events, content) in [
        (vec![whole("output_text", 0, "abc")], "abc"),
        (vec![text(0, "ab"), whole("output_text", 0, "abc")], "abc"),
        (vec![text(0, "abc"), whole("output_text", 0, "abc")], "abc"),
        (vec![text(0, "abx"), whole("output_text", 0, "abc")], "abx"),
        (vec![text(0, "é"), whole("output_text", 0, "")], "é"),
        (vec![json!({ "type": "response.content_part.done", "part": { "type": "output_text", "text": "a" } })], "a"),
        (vec![done(0, &json!({ "type": "message", "content": [{ "type": "output_text", "text": "a" }] }))], "a"),
        (
            vec![
                text(0, "a"),
                done(0, &json!({ "type": "message", "content": [{ "type": "output_text", "text": "z" }] })),
            ],
            "a",
        ),
    ] {
        let events = [events, vec![completed()]].concat();
        assert_eq!(texts(&events)[1], content, "{events:?}");
    }
    let output = json!({ "type": "response.completed", "response": { "status": "completed", "output": [
        { "type": "reasoning", "summary": [{ "type": "summary_text", "text": "s" }] },
        { "type": "message", "content": [{ "type": "output_text", "text": "a" }] },
    ] } });
    assert_eq!(texts(std::slice::from_ref(&output)), ["s", "a"], "all that came");
    assert_eq!(texts(&[text(0, "b"), output]), ["", "b"]);
}

#[test]
fn what_the_sieve_leaves_is_enough_if_the_text_came_before() {
    let left = [
        json!({ "type": "response.output_text.done", "output_index": 0 }),
        json!({ "type": "response.content_part.done", "output_index": 0 }),
        done(0, &json!({ "type": "message" })),
        completed(),
    ];
    for event in &left {
        let mut reader = Reader::new(false);
        assert!(read(&mut reader, &[text(0, "a")], false).end.is_err());
        let relayed = read(&mut reader, &[event.clone(), completed()], true);
        assert!(relayed.end.is_ok() && relayed.lines.len() == 1, "{event}");
        if event["type"] != "response.content_part.done" {
            let lost = read(&mut Reader::new(false), &[event.clone(), completed()], true);
            assert_eq!(lost.end, Err(Code::UpstreamProtocol), "{event}");
        }
    }
    assert_eq!(read(&mut Reader::new(false), &[text(0, "a")], true).lines.len(), 1);
    let piece = json!({ "type": "response.output_text.delta", "output_index": 0 });
    assert_eq!(read(&mut Reader::new(false), &[piece], true).end, Err(Code::UpstreamProtocol));
    let summary = done(0, &json!({ "type": "reasoning", "summary": [{ "type": "summary_text", "text": "s" }] }));
    let relayed = read(&mut Reader::new(false), &[summary, text(1, "a")], true);
    assert!(relayed.lines[0].contains(r#""reasoning_content":"s""#));
    let too_long = done(0, &json!({ "type": "reasoning", "summary": false }));
    let lost = read(&mut Reader::new(false), &[too_long.clone(), completed()], true);
    assert_eq!(lost.end, Err(Code::UpstreamProtocol), "it came nowhere else");
    let mut reader = Reader::new(false);
    read(&mut reader, &[super::piece("reasoning_summary_text", 0, 0, "s"), text(1, "a")], false);
    assert!(read(&mut reader, &[too_long, completed()], true).end.is_ok());
}

#[test]
fn repetitions_are_sifted_and_nothing_else() {
    let mut reader = Reader::new(false);
    let mut after = |event: Value| {
        reader.event(&Event { name: "", data: event.to_string().into(), sifted: false }, &mut Vec::new()).unwrap();
        reader.sifts_above()
    };
    assert_eq!(after(added(0, "message")), None);
    assert_eq!(after(text(0, "a")), Some(MAX_REPEATED_BYTES));
    assert_eq!(after(whole("output_text", 0, "a")), Some(MAX_REPEATED_BYTES));
    assert_eq!(after(json!({ "type": "response.content_part.added", "content_index": 1 })), None);
    assert_eq!(after(done(0, &json!({ "type": "message" }))), Some(MAX_REPEATED_BYTES));
    assert_eq!(after(added(1, "reasoning")), None, "its summary may come with its end");
}
