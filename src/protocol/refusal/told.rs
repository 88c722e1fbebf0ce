//! What of upstream's own words the log may hold.
//!
//! Upstream echoes what it was sent: prompts ("Invalid value: '…'"), tokens ("Incorrect API key provided: …"), accounts.
//! So a text is never copied. A **name** passes if it is made like a machine's name and not like a secret. A **sentence**
//! passes word by word: a word that stands in [`VOCABULARY`], which is what services' error texts are made of, or that
//! names a field of the request; all others, all numbers and all that is quoted become `…`. And it passes only if most
//! of its words do, for then it is the service that speaks and not a prompt.

/// Bytes of a sentence that are looked at; what it is about stands at its beginning.
const MAX_SENTENCE_BYTES: usize = 300;
/// Of a sentence's words, the share that has to be known: three in five.
const KNOWN: [usize; 2] = [3, 5];
/// Longest name.
const MAX_NAME_BYTES: usize = 64;
/// Longest run of letters in a name; a key's may be longer.
const MAX_LETTERS: usize = 32;

/// Words of services' errors. No name of a person, a place or a thing of everyday life belongs here.
const VOCABULARY: &str = "
a about above access according account accounts action actions active add additional after again algorithm allow allowed
already also an and another any api apis applicable application are argument arguments array as ask assigned assistant
associated at attempt attempted audience authenticate authenticated authentication authority authorization authorize
authorized available backend bad balance base be because been before being below between billing blocked body boolean both
budget busy but by call calls can can't cannot capacity chat check claim claims client code codes combination completion
completions configuration configured conflict connect connection contain contains content context conversation correct
correctly could couldn't count create created credential credentials credit credits current currently data day days decode
default delete denied deny deployed deployment deployments deprecated describe details developer did directory disabled do
does doesn't don't due during each effort either element empty enable enabled encoding endpoint endpoints enough entry enum
environment error errors exceed exceeded exceeds exception exist exists expected expects expire expired expires extra
failed failing failure feature features few field fields file filter filtered filtering filters firewall first following
for forbidden format found from function functions future gateway generate generated generation get given greater group
had has have header headers here higher host hour hours http https id identifier identity if image images implemented in
include included incompatible incorrect increase inference information inner input inputs instance instead insufficient
integer internal invalid is issue issued issuer it items its json key keys known language large larger last latest least
length less letter like limit limited limits list literal load loaded loading location login long longer low made
maintenance malformed managed management manager many match matched matches matching max maximum may message messages method methods
min minimum minute minutes misconfigured mismatch missing mode model models modify moment month more multiple must name
named names need needed needs negative network new no none not null number numbers object objects occurred of off on once
one ones only operation operations option or order organization origin other out outside over overloaded own page
parameter parameters parse parsing part parts pass passed path payload payment per performed permission permissions
permitted permitting plan please policies policy pool positive possible present preview principal private process
processed processing production project prompt prompts properties property protocol provide provided provider providers
provisioned proxy public quota quotas range rate rates read reached ready reason reasoning received recent region
registered reject rejected related released remove removed replenished replica request requested requests require required requires
reset resource resources response responses restricted result results retired retry return returned role roles route
rule rules run running safety same sampling schema scope scopes second seconds see selected send sent server servers
service services set setting settings should shorter sign signature signed size small smaller so some source specified
specify standard start started state status stop stopped stream streaming string strings subscription such supplied
support supported supports system template temperature temporarily temporary tenant tenants than that the their them then
there these they thinking this those thought thoughts through throttled throttling tier time timed timeout times to token
tokens too tool tools total traffic triggering try trying turn type types unable unauthorized unavailable under unexpected
unknown unrecognized unsupported until up upgrade upstream uri url usage use used user users using valid validate
validation value values version versions via virtual wait was way we were when where which while will window with within
without work workload worker wrong yet you your
";

/// Fields of a request, as services name them in sentences.
const FIELDS: [&str; 34] = [
    "model",
    "messages",
    "stream",
    "stream_options",
    "include_usage",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "max_new_tokens",
    "reasoning_effort",
    "reasoning",
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "n",
    "seed",
    "stop",
    "store",
    "metadata",
    "logprobs",
    "top_logprobs",
    "logit_bias",
    "presence_penalty",
    "frequency_penalty",
    "response_format",
    "service_tier",
    "verbosity",
    "instructions",
    "input",
    "chat_template_kwargs",
    "enable_thinking",
    "thinking",
    "api-version",
];

/// A code, a type or a field's name for the log: as it is, as a sentence, or `unreadable`.
pub(super) fn code(text: &str) -> String {
    if is_name(text) {
        return text.to_owned();
    }
    sentence(text, &[]).map_or_else(|| "unreadable".to_owned(), |said| format!("\"{said}\""))
}

/// Whether a text is made like a machine's name (`rate_limit_exceeded`, `DeploymentNotFound`, `messages[0].content`,
/// `AADSTS90002`) and not like a secret: in each part, digits follow letters at most once, and neither run is long.
pub(super) fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'[' | b']');
    (1..=MAX_NAME_BYTES).contains(&text.len())
        && text.bytes().all(plain)
        && !text.starts_with("sk-")
        && text.split(|letter: char| !letter.is_ascii_alphanumeric()).all(|part| {
            let letters = part.trim_end_matches(|letter: char| letter.is_ascii_digit());
            let digits = part.len() - letters.len();
            letters.len() <= MAX_LETTERS && digits <= 7 && letters.bytes().all(|byte| byte.is_ascii_alphabetic())
        })
}

/// A sentence for the log; `None` where too little of it is known. `names` are further words that are the operator's own.
pub(super) fn sentence(text: &str, names: &[String]) -> Option<String> {
    let text = text.get(..text.floor_char_boundary(MAX_SENTENCE_BYTES))?;
    let mut said = String::new();
    let (mut known, mut total) = (0, 0);
    let mut quote = None;
    for word in text.split_whitespace() {
        let ends = |word: &str| word.trim_end_matches(['.', ',', ':', ';', '!', '?', ')', ']', '}']).to_owned();
        let bare = ends(word.trim_start_matches(['(', '[', '{', '<'])).to_lowercase();
        let opens = bare.chars().next().and_then(closing);
        // What is quoted counts as one word, however long it is.
        let goes_on = quote.is_some();
        let inside = goes_on || opens.is_some();
        if quote.is_none() {
            quote = opens;
        }
        let closes = quote.is_some_and(|mark| bare.ends_with(mark) && (opens.is_none() || bare.chars().count() > 1));
        let alone = opens.is_some() && closes;
        if closes {
            quote = None;
        }
        if bare.is_empty() {
            continue;
        }
        total += usize::from(!goes_on);
        let plain = bare.trim_matches(is_mark);
        let plain = plain.strip_suffix("'s").unwrap_or(plain);
        let is_field = FIELDS.contains(&plain) || names.iter().any(|name| name.to_lowercase() == plain);
        let passes = if inside { alone && is_field } else { is_field || is_vocabulary(plain) };
        if passes {
            known += 1;
            if !said.is_empty() {
                said.push(' ');
            }
            said.push_str(plain);
        } else if !said.ends_with('…') {
            said.push_str(if said.is_empty() { "…" } else { " …" });
        }
    }
    (known >= 2 && known * KNOWN[1] >= total * KNOWN[0]).then_some(said)
}

fn is_vocabulary(word: &str) -> bool {
    VOCABULARY.split_ascii_whitespace().any(|known| known == word)
}

fn is_mark(letter: char) -> bool {
    matches!(letter, '\'' | '"' | '`' | '‘' | '’' | '“' | '”' | '«' | '»')
}

/// What closes what this mark opens.
fn closing(mark: char) -> Option<char> {
    Some(match mark {
        '\'' | '"' | '`' => mark,
        '‘' => '’',
        '“' => '”',
        '«' => '»',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_of_services_pass_without_what_they_quote() {
        for (text, told) in [
            (
                "Tenant provided in token does not match resource token",
                "tenant provided in token does not match resource token",
            ),
            (
                "Token tenant 33e01921-4d64-4f8c-a055-5bdaffd5e33d does not match resource tenant.",
                "token tenant … does not match resource tenant",
            ),
            ("Extra inputs are not permitted", "extra inputs are not permitted"),
            (
                "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
                "unsupported parameter max_tokens is not supported with this model use max_completion_tokens instead",
            ),
            ("\"plain\" does not support thinking", "… does not support thinking"),
            ("Loading model", "loading model"),
            ("404 page not found", "… page not found"),
            (
                "Unsupported value: 'what is wrong with the model?' is not supported with this model.",
                "unsupported value … is not supported with this model",
            ),
            ("The request's `top_p` must be less than 1", "the request top_p must be less than …"),
        ] {
            assert_eq!(sentence(text, &[]).as_deref(), Some(told), "{text}");
        }
        let names = ["My_Field".to_owned()];
        assert_eq!(sentence("unknown field my_field", &names).as_deref(), Some("unknown field my_field"));
    }

    #[test]
    fn prompts_secrets_and_accounts_do_not() {
        for text in [
            "canary",
            "",
            "Invalid prompt: my mother has cancer and I need help",
            "Tell me about the divorce of Jane",
            "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJ4In0.c2ln",
            "model 4111111111111111",
            "'the model does not support the request",
            "pin: 1234 model",
        ] {
            assert_eq!(sentence(text, &[]), None, "{text}");
        }
        for (text, secrets) in [
            (
                "Incorrect API key provided: sk-abc123. You can find your API key at https://platform.example/keys.",
                &["sk-", "abc", "platform"][..],
            ),
            ("The user jane.doe@example.com does not have access to the model in this subscription.", &["jane", "@"]),
            ("The principal `0f1e` lacks the required action `x/y` to perform this operation.", &["0f1e", "x/y"]),
            (
                "Invalid value in messages: \"my secret. the model is\" must be a string of the allowed type",
                &["secret", "the model is"],
            ),
            ("The value “a token of love” is not allowed for this request and model", &["love", "a token"]),
        ] {
            let told = sentence(text, &[]).unwrap_or_default();
            assert!(!secrets.iter().any(|secret| told.contains(secret)), "{told}");
        }
        assert!(sentence(&"word ".repeat(10_000), &[]).is_none());
    }

    #[test]
    fn names_are_those_of_machines() {
        for name in [
            "rate_limit_exceeded",
            "DeploymentNotFound",
            "ResponsibleAIPolicyViolation",
            "messages[0].content",
            "body.reasoning_effort",
            "AADSTS90002",
            "429",
            "extra_forbidden",
        ] {
            assert_eq!(code(name), name);
        }
        for secret in [
            "sk-proj-abc",
            "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9",
            "0123456789abcdef0123456789abcdef",
            "33e01921-4d64-4f8c-a055-5bdaffd5e33d",
            "4111111111111111",
            "secret words\n",
            "jane@example.com",
            "abcdefghijklmnopqrstuvwxyzabcdefghijklmnop",
        ] {
            assert_eq!(code(secret), "unreadable", "{secret}");
        }
        assert_eq!(code("Bad Request"), "\"bad request\"");
    }
}
