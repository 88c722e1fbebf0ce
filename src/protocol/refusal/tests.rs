use super::*;

const ASKED: Asked<'_> =
    Asked { deployment: "r1", path: "/openai/v1/chat/completions", with_token: true, at_home: false, fields: &[] };

fn refused(status: u16, body: &str) -> ChatError {
    Account::read(body).into_refusal(StatusCode::from_u16(status).unwrap(), None, &ASKED)
}

fn cause(status: u16, body: &str) -> String {
    refused(status, body).cause().unwrap().to_owned()
}

const FILTER: &str = r#"{"error":{"message":"The response was filtered","type":null,"param":"prompt","code":"content_filter","status":400,
    "innererror":{"code":"ResponsibleAIPolicyViolation","content_filter_result":{"hate":{"filtered":true,"severity":"high"},"jailbreak":{"detected":false,"filtered":false}}}}}"#;
const TENANT: &str = r#"{"error":{"code":"Tenant provided in token does not match resource token","message":"Token tenant 33e01921-4d64-4f8c-a055-5bdaffd5e33d does not match resource tenant."}}"#;
const QUOTA: &str = r#"{"statusCode":403,"message":"Token quota is exceeded. Try again later."}"#;

#[test]
fn statuses_and_bodies_have_their_codes() {
    for (status, body, code) in [
        (400, FILTER, Code::ContentFilter),
        (400, r#"{"error":{"code":"context_length_exceeded","message":"m"}}"#, Code::ContextLengthExceeded),
        (
            400,
            r#"{"error":{"message":"This model's maximum prompt length is 131072 but the request contains 190551 tokens."}}"#,
            Code::ContextLengthExceeded,
        ),
        (413, "", Code::ContextLengthExceeded),
        (
            500,
            r#"{"error":{"code":500,"message":"request (9 tokens) exceeds the available context size"}}"#,
            Code::ContextLengthExceeded,
        ),
        (
            429,
            r#"{"error":{"message":"Request too large for x on tokens per min (TPM): Limit 1, Requested 2.","code":"rate_limit_exceeded"}}"#,
            Code::ContextLengthExceeded,
        ),
        (
            400,
            r#"{"error":{"message":"Invalid content type. image_url is only supported by certain models.","param":"messages.[1].content.[1].type","code":null}}"#,
            Code::InvalidRequest,
        ),
        (400, r#"{"error":{"code":"invalid_image","message":"m"}}"#, Code::InvalidRequest),
        (400, r#"{"error":"bad temperature"}"#, Code::UpstreamRejected),
        (400, TENANT, Code::UpstreamAuth),
        (400, r#"{"error":{"code":"invalid_api_key","message":"m"}}"#, Code::UpstreamAuth),
        (
            400,
            r#"{"error":{"code":"400","message":"Invalid model name passed in model=r1."}}"#,
            Code::UpstreamMisconfigured,
        ),
        (401, r#"{"error":{"code":"PermissionDenied","message":"m"}}"#, Code::UpstreamAuth),
        (402, "", Code::RateLimited),
        (403, "", Code::UpstreamAuth),
        (403, QUOTA, Code::RateLimited),
        (404, r#"{"error":{"code":"DeploymentNotFound"}}"#, Code::UpstreamMisconfigured),
        (404, "", Code::UpstreamMisconfigured),
        (408, "", Code::UpstreamError),
        (409, "{}", Code::UpstreamError),
        (418, "<html>", Code::UpstreamRejected),
        (
            422,
            r#"{"detail":[{"type":"extra_forbidden","loc":["body","x"],"msg":"Extra inputs are not permitted","input":"secret"}]}"#,
            Code::UpstreamRejected,
        ),
        (429, r#"{"statusCode":429,"message":"m"}"#, Code::RateLimited),
        (
            429,
            r#"{"error":{"message":"Tokens per minute limit exceeded - too many tokens processed"}}"#,
            Code::RateLimited,
        ),
        (500, "", Code::UpstreamError),
        (503, "[]", Code::UpstreamError),
        (302, "", Code::UpstreamProtocol),
        (204, "", Code::UpstreamProtocol),
    ] {
        assert_eq!(refused(status, body).code(), code, "{status} {body}");
    }
    let json = String::from_utf8(refused(400, FILTER).to_json("r")).unwrap();
    assert!(json.contains(r#""categories":["hate"]"#), "{json}");
}

#[test]
fn error_events_have_their_codes() {
    for (event, code) in [
        (r#"{"error":{"message":"m","type":"server_error","param":null,"code":null}}"#, Code::UpstreamError),
        (r#"{"error":{"code":"429","message":"Rate limit is exceeded."}}"#, Code::RateLimited),
        (r#"{"error":{"code":429,"message":"m"}}"#, Code::RateLimited),
        (r#"{"error":{"code":"rate_limit_exceeded"}}"#, Code::RateLimited),
        (r#"{"error":{"code":"insufficient_quota","type":"insufficient_quota"}}"#, Code::RateLimited),
        (r#"{"error":{"message":"… greater than the context length."}}"#, Code::ContextLengthExceeded),
        (r#"{"error":{"code":"content_filter"}}"#, Code::ContentFilter),
        (r#"{"error":{"code":"content_policy_violation","type":"invalid_request_error"}}"#, Code::ContentFilter),
        (r#"{"error":{"code":"invalid_api_key","type":"invalid_request_error"}}"#, Code::UpstreamAuth),
        (r#"{"error":{"type":"authentication_error","message":"m"}}"#, Code::UpstreamAuth),
        (r#"{"error":{"code":"model_not_found","type":"invalid_request_error"}}"#, Code::UpstreamMisconfigured),
        (r#"{"error":{"type":"invalid_request_error","param":"temperature"}}"#, Code::UpstreamRejected),
        (r#"{"choices":null,"error_type":"overloaded_error","error_message":"Overloaded"}"#, Code::UpstreamError),
        (r#"{"error":{"code":500,"message":"m"}}"#, Code::UpstreamError),
        (r#"{"type":"error","error":null}"#, Code::UpstreamError),
        ("not JSON", Code::UpstreamError),
        ("", Code::UpstreamError),
    ] {
        assert_eq!(Account::read(event).into_stream_error().code(), code, "{event}");
    }
    let auth = Account::read(r#"{"error":{"code":"invalid_api_key"}}"#).into_stream_error();
    assert!(!auth.text().contains("while it answered"));
}

#[test]
fn a_refused_field_is_named_if_it_looks_like_one() {
    let param = |param: &str| {
        let body = format!(r#"{{"error":{{"type":"invalid_request_error","param":"{param}","message":"m"}}}}"#);
        refused(400, &body).param().map(str::to_owned)
    };
    assert_eq!(param("messages[0].content").as_deref(), Some("messages[0].content"));
    assert_eq!(param("what the user said"), None, "upstream's own words reach no client");
}

#[test]
fn waits_come_from_headers_then_from_the_body() {
    let seconds =
        |wait, body| Account::read(body).into_refusal(StatusCode::FORBIDDEN, wait, &ASKED).retry_after_seconds();
    assert_eq!(seconds(Some(Duration::from_secs(1385)), QUOTA), Some(1385));
    assert_eq!(seconds(Some(Duration::from_secs(7)), ""), Some(7));
    let replenished =
        r#"{"statusCode":403,"message":"Out of call volume quota. Quota will be replenished in 00:23:05."}"#;
    assert_eq!(seconds(None, replenished), Some(1385));
    assert_eq!(
        refused(403, replenished).text(),
        "The quota of the model's service is used up for now. Try again in 24 minutes."
    );
    assert_eq!(refused(429, "").retry_after_seconds(), Some(10));
    let used_up =
        refused(429, r#"{"error":{"code":"insufficient_quota","message":"You exceeded your current quota"}}"#);
    assert_eq!((used_up.code(), used_up.retry_after_seconds()), (Code::RateLimited, Some(3600)));
    assert!(used_up.text().contains("does not help"));
}

#[test]
fn what_another_try_cannot_mend_is_not_tried_again() {
    let may_pass = |status, body| Account::read(body).may_pass(StatusCode::from_u16(status).unwrap(), None);
    for (status, body) in [(429, ""), (500, ""), (503, "busy"), (408, ""), (409, "")] {
        assert!(may_pass(status, body), "{status} {body}");
    }
    for (status, body) in [
        (429, r#"{"error":{"code":"insufficient_quota"}}"#),
        (500, r#"{"error":{"message":"the request exceeds the available context size"}}"#),
        (500, FILTER),
        (400, ""),
        (404, ""),
    ] {
        assert!(!may_pass(status, body), "{status} {body}");
    }
}

#[test]
fn the_log_leads_to_the_cause() {
    for (status, body, parts) in [
        (400, TENANT, &["tenant provided in token does not match resource token", "AZURE_TENANT_ID"][..]),
        (
            400,
            r#"{"error":{"code":"unsupported_parameter","type":"invalid_request_error","param":"temperature","message":"m"}}"#,
            &["code unsupported_parameter", "type invalid_request_error", "param temperature", "TEMPERATURE"],
        ),
        (
            422,
            r#"{"detail":[{"type":"extra_forbidden","loc":["body","stream_options"],"msg":"Extra inputs are not permitted","input":{"a":"secret"}}]}"#,
            &["extra_forbidden", "body.stream_options", "extra inputs are not permitted", "EXTRA_BODY"],
        ),
        (400, r#"{"error":{"message":"\"plain\" does not support thinking"}}"#, &["thinking", "REASONING_EFFORT"]),
        (401, "", &["Cognitive Services User"]),
        (
            401,
            r#"{"statusCode":401,"message":"Unauthorized. Access token is missing, invalid, audience is incorrect (https://x), or have expired."}"#,
            &["AZURE_INFERENCE_SCOPE"],
        ),
        (
            403,
            r#"{"error":{"code":"403","message":"Access denied due to Virtual Network/Firewall rules."}}"#,
            &["network rules"],
        ),
        (404, "", &["/openai/v1/chat/completions", "r1", "AZURE_INFERENCE_ENDPOINT"]),
        (404, r#"{"error":{"code":"DeploymentNotFound"}}"#, &["r1", "AZURE_DEEPSEEK_DEPLOYMENT"]),
        (
            503,
            r#"{"error":{"message":"Loading model","type":"unavailable_error","code":503}}"#,
            &["unavailable_error", "loading model"],
        ),
        (
            400,
            r#"{"error":{"code":"400","provider_specific_fields":{"innererror":{"code":"SomethingElse"}}}}"#,
            &["code 400 and SomethingElse"],
        ),
    ] {
        let cause = cause(status, body);
        for part in parts {
            assert!(cause.contains(part), "{part} in {cause}");
        }
        for secret in ["secret", "https://x", "33e01921"] {
            assert!(!cause.contains(secret), "{cause}");
        }
    }
}

/// Prompts, tokens, keys and accounts in every place that a body has, in the words that services use around them.
#[test]
fn no_prompt_no_token_and_no_account_reaches_a_text_or_the_log() {
    let secrets = [
        "sk-proj-4Zc1T9",
        "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJ4In0.c2ln",
        "jane.doe@example.com",
        "My mother lives in Ulm and her pin is 4711",
        "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
        "https://internal-host.example/secret",
        "10.0.0.4",
    ];
    for secret in secrets {
        let quoted = serde_json::to_string(secret).unwrap();
        let inside = quoted.trim_matches('"');
        for body in [
            format!(r#"{{"error":{{"code":{quoted},"type":{quoted},"param":{quoted},"message":{quoted}}}}}"#),
            format!(
                r#"{{"error":{{"message":"Incorrect API key provided: {inside}. Check your key and try again."}}}}"#
            ),
            format!(
                r#"{{"error":{{"message":"Invalid value: '{inside}'. The value is not supported with this model."}}}}"#
            ),
            format!(
                r#"{{"error":{{"message":"Invalid value: {inside} is not supported with this model and this request."}}}}"#
            ),
            format!(
                r#"{{"detail":[{{"type":"string_type","loc":["body","messages",0,{quoted}],"msg":"Input should be a valid string","input":{quoted}}}]}}"#
            ),
            format!(r#"{{"error":"{{\"message\":\"The user {inside} has no access to the model\"}}"}}"#),
            format!(
                r#"{{"error":{{"innererror":{{"code":{quoted},"content_filter_result":{{{quoted}:{{"filtered":true}}}}}},"metadata":{{"raw":{quoted}}}}}}}"#
            ),
            format!(
                r#"{{{quoted}:{{"error":{quoted}}},"error":{{{quoted}:1,"message":{quoted},"retry_after":{quoted}}}}}"#
            ),
            format!("The request failed: {secret}"),
        ] {
            for status in [302, 400, 401, 403, 404, 413, 422, 429, 500] {
                let error = refused(status, &body);
                assert_silent(&error, secret, &body);
            }
            assert_silent(&Account::read(&body).into_stream_error(), secret, &body);
        }
    }
}

/// No piece of a secret is told.
fn assert_silent(error: &ChatError, secret: &str, body: &str) {
    let told = format!("{} {}", String::from_utf8(error.to_json("r")).unwrap(), error.cause().unwrap_or_default());
    for piece in secret.split([' ', '.', '/', '@']).filter(|piece| piece.len() >= 4 && *piece != "https:") {
        assert!(!told.contains(piece), "{piece} of {body} in {told}");
    }
}

#[test]
fn texts_for_people_name_no_setting_role_or_service_but_at_home() {
    for status in [302, 400, 401, 402, 403, 404, 408, 409, 413, 418, 422, 429, 500] {
        for body in ["", FILTER, TENANT, QUOTA, r#"{"error":{"code":"model_not_found"}}"#] {
            let error = refused(status, body);
            for word in ["AZURE_", "Cognitive", "EXTRA_BODY", "role", "azd"] {
                assert!(!error.text().contains(word), "{}", error.text());
            }
        }
    }
    let home = Asked { at_home: true, with_token: false, ..ASKED };
    let at_home = |status, body| Account::read(body).into_refusal(StatusCode::from_u16(status).unwrap(), None, &home);
    let unknown = at_home(404, r#"{"error":{"code":"model_not_found"}}"#);
    assert!(
        unknown.text().contains("r1") && unknown.text().contains("AZURE_DEEPSEEK_DEPLOYMENT"),
        "{}",
        unknown.text()
    );
    assert!(at_home(404, "").text().contains("AZURE_INFERENCE_ENDPOINT"));
    let key = at_home(401, "");
    assert_eq!(key.code(), Code::UpstreamMisconfigured, "nobody's second try helps");
    assert!(key.text().contains("wants a key") && key.cause().unwrap().contains("no token was sent"));
}
