//! How services say the same thing: one table for each meaning. Pure.
//!
//! A row holds for a text that has all of its words, in their order; texts are in lower case. `tests` has each
//! service's own sentence, as it was seen in public.

/// Codes and types that say that the conversation is too long, folded: lower case, letters and digits only.
const TOO_LONG_CODES: [&str; 9] = [
    "contextlength",
    "contextwindow",
    "contextsize",
    "stringabovemaxlength",
    "tokenslimitreached",
    "maxprompttokens",
    "requesttoolarge",
    "inputlimitexceeded",
    "prompttoolong",
];

/// The conversation is too long.
const TOO_LONG: &[&[&str]] = &[
    &["maximum context"],                        // OpenAI, Azure, DeepSeek, vLLM, OpenRouter, Cerebras
    &["context length"],                         // SGLang, Mistral, LM Studio, Fireworks
    &["context window"],                         // OpenAI's Responses API, MiniMax, LiteLLM
    &["context size"],                           // llama.cpp
    &["context limit"],                          // Anthropic
    &["contextwindowexceeded"],                  // LiteLLM
    &["maximum prompt length"],                  // xAI
    &["maximum model length"],                   // vLLM
    &["maximum allowed input"],                  // poolside, Cohere
    &["maximum input length"],                   // NVIDIA
    &["prompt", "too long"],                     // Anthropic, Ollama, Baidu, Fireworks
    &["input is too long"],                      // Amazon Bedrock
    &["string too long"],                        // OpenAI, one message
    &["too many input tokens"],                  // Amazon Bedrock
    &["too many tokens"],                        // Cohere
    &["input token", "exceed"],                  // Google, Azure
    &["input token", "only supports"],           // Google Vertex
    &["input length", "exceed"],                 // NVIDIA, Ollama
    &["range of input length"],                  // Alibaba
    &["prompt token", "exceeds the limit"],      // GitHub Copilot
    &["prompt exceeds"],                         // Zhipu
    &["more than max tokens allowed"],           // Zhipu
    &["model token limit"],                      // Moonshot
    &["tokens", "exceeds the max limit"],        // Perplexity
    &["inputs", "must have less than"],          // Hugging Face TGI
    &["inputs", "max_new_tokens", "must be <="], // Hugging Face TGI, Together
    &["reduce the length"],                      // Groq, Cerebras
    &["reduce your message size"],               // Groq
    &["request too large"],                      // OpenAI, Groq
    &["request body too large"],                 // GitHub Models
];

/// Of these, what is said with a rate limit's status and still is no matter of waiting: one request over a minute's limit.
const TOO_LARGE_AT_ONCE: &[&[&str]] = &[&["request too large"], &["reduce your message size"]];

/// An image is not taken: by this model, or this one by any.
const IMAGE: &[&[&str]] = &[
    &["image_url is only supported"],  // OpenAI, Azure
    &["unknown variant", "image_url"], // DeepSeek
    &["image input is not supported"], // llama.cpp
    &["does not support image"],       // Ollama, Groq, OpenRouter ("… support image input")
    &["not support", "image"],         // vLLM: "is not a multimodal model", Together
    &["is not a multimodal model"],    // vLLM
    &["invalid image"],                // OpenAI, Azure
    &["could not process image"],      // gateways before Anthropic
    &["failed to", "image"],           // "Failed to load / decode / download image"
    &["unsupported image"],            // OpenAI
    &["image", "too large"],
    &["content must be a string"], // Groq and others, for a content with parts
];

/// Codes and types of it, folded.
const IMAGE_CODES: [&str; 7] = [
    "invalidimage",
    "imagetoolarge",
    "imagetoosmall",
    "imageparseerror",
    "imagecontentpolicyviolation",
    "unsupportedimagemediatype",
    "failedtodownloadimage",
];

/// The model's name means nothing to the service.
const UNKNOWN_MODEL: &[&[&str]] = &[
    &["model", "does not exist"],            // OpenAI, vLLM, Groq
    &["model", "not found"],                 // Ollama, llama.cpp, SGLang
    &["model", "not exist"],                 // DeepSeek
    &["unknown model"],                      // Azure's model inference, many
    &["invalid model"],                      // LiteLLM, Mistral
    &["no model", "loaded"],                 // LM Studio
    &["not a valid model"],                  // OpenRouter
    &["model", "is not available"],          // Together
    &["model", "not supported by provider"], // Hugging Face
    &["no such model"],
    &["model is required"],
    &["model", "not provided"],
    &["you must provide a model"],     // OpenAI
    &["deployment", "does not exist"], // Azure
    &["deployment", "not found"],
    &["no endpoints found for"], // OpenRouter
];

/// Codes and types of it, folded.
const UNKNOWN_MODEL_CODES: [&str; 7] = [
    "deploymentnotfound",
    "modelnotfound",
    "unknownmodel",
    "invalidmodel",
    "modelnotsupported",
    "modelnotexist",
    "apideploymentnotfound",
];

/// The content filter refused the prompt.
const FILTERED: &[&[&str]] = &[
    &["content management policy"],  // Azure
    &["contentpolicyviolation"],     // LiteLLM
    &["violating our usage policy"], // OpenAI
];
const FILTERED_CODES: [&str; 7] = [
    "contentfilter",
    "responsibleaipolicyviolation",
    "contentpolicyviolation",
    "contentfiltered",
    "invalidprompt",
    "biopolicy",
    "cyberpolicy",
];

/// The token is of another tenant than the resource.
const WRONG_TENANT: &[&[&str]] = &[&["tenant", "does not match"], &["tenant", "mismatch"], &["match the tenant"]];

/// A rate or a quota is used up for now.
const RATE: &[&[&str]] = &[&["quota"], &["rate limit"], &["token limit"], &["too many requests"]];
const RATE_CODES: [&str; 9] = [
    "ratelimit",
    "toomanyrequests",
    "throttl",
    "resourceexhausted",
    "quotaexceeded",
    "insufficientquota",
    "nokvspace",
    "429",
    "modelrateerror",
];

/// A quota that no waiting fills: somebody has to pay or to raise it.
const USED_UP_CODES: [&str; 4] = ["insufficientquota", "billing", "insufficientbalance", "paymentrequired"];

/// The service does not take what it was shown as proof of who asks.
const CREDENTIALS_CODES: [&str; 6] =
    ["invalidapikey", "apikeyinvalid", "authenticationerror", "permissiondenied", "unauthorized", "autherror"];

/// The resource takes calls from certain networks only.
const NETWORK: &[&[&str]] =
    &[&["firewall"], &["virtual network"], &["private endpoint"], &["public access"], &["private link"]];

/// Whether a text has all words of any row.
fn any(rows: &[&[&str]], text: &str) -> bool {
    rows.iter()
        .any(|row| row.iter().try_fold(text, |rest, words| rest.split_once(words).map(|(_, rest)| rest)).is_some())
}

/// A code or a type without what services differ in.
fn folded(code: &str) -> String {
    code.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
}

fn named(known: &[&str], code: &str) -> bool {
    let code = folded(code);
    known.iter().any(|known| code.contains(known))
}

/// Looks for one meaning in codes, or in sentences.
pub(super) struct Words<'a> {
    codes: Vec<&'a str>,
    /// In lower case; codes are among them, since some services put sentences there.
    texts: Vec<String>,
}

impl<'a> Words<'a> {
    pub(super) fn new(codes: impl Iterator<Item = &'a str>, messages: impl Iterator<Item = &'a str>) -> Self {
        let codes: Vec<&str> = codes.collect();
        let texts = codes.iter().copied().chain(messages).map(str::to_lowercase).collect();
        Self { codes, texts }
    }

    fn say(&self, rows: &[&[&str]]) -> bool {
        self.texts.iter().any(|text| any(rows, text))
    }

    fn name(&self, known: &[&str]) -> bool {
        self.codes.iter().any(|code| named(known, code))
    }

    pub(super) fn filtered(&self) -> bool {
        self.name(&FILTERED_CODES) || self.say(FILTERED)
    }

    /// Not where a rate is spoken of: "too many tokens" then means those of a minute.
    pub(super) fn too_long(&self, of_a_rate: bool) -> bool {
        self.name(&TOO_LONG_CODES) || self.say(if of_a_rate { TOO_LARGE_AT_ONCE } else { TOO_LONG })
    }

    pub(super) fn wrong_tenant(&self) -> bool {
        self.say(WRONG_TENANT)
    }

    /// That an image is not taken.
    pub(super) fn image(&self) -> bool {
        self.name(&IMAGE_CODES) || self.say(IMAGE)
    }

    pub(super) fn unknown_model(&self) -> bool {
        self.name(&UNKNOWN_MODEL_CODES) || self.say(UNKNOWN_MODEL)
    }

    /// A code that says so, whatever the status.
    pub(super) fn rate_code(&self) -> bool {
        self.name(&RATE_CODES)
    }

    /// Words that say so; enough only beside a status that does not contradict.
    pub(super) fn rate(&self) -> bool {
        self.say(RATE)
    }

    pub(super) fn used_up(&self) -> bool {
        self.name(&USED_UP_CODES)
    }

    pub(super) fn credentials(&self) -> bool {
        self.name(&CREDENTIALS_CODES)
    }

    pub(super) fn network(&self) -> bool {
        self.say(NETWORK)
    }

    /// Whether any of these words stands in any text.
    pub(super) fn mention(&self, words: &str) -> bool {
        self.texts.iter().any(|text| text.contains(words))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(message: &str) -> Words<'_> {
        Words::new(std::iter::empty(), std::iter::once(message))
    }

    #[test]
    fn too_long_is_heard_in_every_services_words() {
        for message in [
            // OpenAI and Azure OpenAI, DeepSeek, vLLM, OpenRouter
            "This model's maximum context length is 8192 tokens. However, your messages resulted in 8545 tokens.",
            "This endpoint's maximum context length is 131072 tokens. However, you requested about 132463 tokens.",
            "Your input exceeds the context window of this model. Please adjust your input and try again.",
            "Input tokens exceed the configured limit of 272000 tokens. Your messages resulted in 280000 tokens.",
            "Invalid 'messages[1].content': string too long. Expected a string with maximum length 1048576.",
            // vLLM and SGLang
            "The decoder prompt (length 5000) is longer than the maximum model length of 4096.",
            "The input (5000 tokens) is longer than the model's context length (4096 tokens).",
            // xAI
            "This model's maximum prompt length is 131072 but the request contains 190551 tokens.",
            // Anthropic
            "prompt is too long: 209375 tokens > 200000 maximum",
            "input length and max_tokens exceed context limit: 154690 + 64000 > 200000",
            // Google
            "The input token count (1236488) exceeds the maximum number of tokens allowed (1048576).",
            "Unable to submit request because the input token count is 9 but model only supports up to 8.",
            // Amazon Bedrock
            "Input is too long for requested model.",
            "Too many input tokens. Max input tokens: 8192, request input token count: 9279",
            // Groq, Cerebras, and requests over a minute's limit
            "Please reduce the length of the messages or completion.",
            "Request too large for model `x` on tokens per minute (TPM): Limit 8000, Requested 32979, please reduce your message size",
            // GitHub Copilot and GitHub Models
            "prompt token count of 13613 exceeds the limit of 12288",
            "Request body too large for gpt-4o model. Max size: 8000 tokens.",
            // Mistral, Cohere, Perplexity
            "Prompt contains 36002 tokens and 0 draft tokens, too large for model with 32768 maximum context length",
            "Too many tokens: the total number of tokens in the prompt exceeds the limit of 4081.",
            "Messages have 16865 tokens, which exceeds the max limit of 8192 tokens.",
            // Moonshot, MiniMax, Zhipu, Alibaba
            "Your request exceeded model token limit: 262144 (requested: 269030)",
            "invalid params, context window exceeds limit",
            "tokens in request more than max tokens allowed",
            "Prompt exceeds max length",
            "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 1048576]",
            // NVIDIA, poolside
            "Input length 1217 exceeds maximum allowed token size 512",
            "Input length 131393 exceeds the maximum allowed input length of 131040 tokens.",
            // Hugging Face TGI, Together
            "Input validation error: `inputs` must have less than 4096 tokens. Given: 5000",
            "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4097. Given: 80125",
            // llama.cpp, Ollama, LM Studio
            "the request exceeds the available context size, try increasing it",
            "prompt too long; exceeded max context length by 12 tokens",
            "Trying to keep the first 15857 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens",
            // LiteLLM
            "litellm.ContextWindowExceededError: litellm.BadRequestError: this is an error",
        ] {
            assert!(words(message).too_long(false), "{message}");
        }
    }

    #[test]
    fn what_is_not_too_long() {
        for message in [
            "max_tokens is too large: 100000. This model supports at most 16384 completion tokens.",
            "max_tokens: 100000 > 64000, which is the maximum allowed number of output tokens",
            "`max_tokens` must be less than or equal to `8192`, the maximum value for `max_tokens` is less than the `context_window`",
            "Unsupported value: 'temperature' does not support 0.2 with this model.",
            "The model is too large for this machine.",
            "",
        ] {
            assert!(!words(message).too_long(false), "{message}");
        }
        let minute = "Tokens per minute limit exceeded - too many tokens processed";
        assert!(words(minute).too_long(false) && !words(minute).too_long(true));
        let at_once = "Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 40000.";
        assert!(words(at_once).too_long(true));
    }

    #[test]
    fn images_that_are_not_taken_are_heard_in_every_services_words() {
        for message in [
            "Invalid content type. image_url is only supported by certain models.",
            "Failed to deserialize the JSON body into the target type: messages[0]: unknown variant `image_url`, expected `text`",
            "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj",
            "this model does not support images",
            "No endpoints found that support image input: the model does not support image input",
            "r1 is not a multimodal model",
            "You uploaded an unsupported image. Please make sure your image is valid.",
            "Invalid image URL. The URL must be a valid HTTP or HTTPS URL, or a data URL with base64 encoding.",
            "'messages.1' : for 'role:user' the following must be satisfied[('messages.1.content' : content must be a string)]",
        ] {
            assert!(words(message).image(), "{message}");
        }
        for message in ["The model `x` does not exist", "temperature is not supported", "messages: too long"] {
            assert!(!words(message).image(), "{message}");
        }
    }

    #[test]
    fn unknown_models_are_heard_in_every_services_words() {
        for message in [
            "The model `llama3.1-405b` does not exist or you do not have access to it.",
            "The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, please wait.",
            "model \"nope\" not found, try pulling it first",
            "model 'nope' not found",
            "The model \"llama3.1:8b\" was not found. To download it, run `ollama run llama3.1:8b`.",
            "/chat/completions: Invalid model name passed in model=nope. Call `/v1/models` to view available models for your key.",
            "deepseek-r1t-chimera:free is not a valid model ID",
            "No endpoints found for x/y.",
            "Model Not Exist",
            "Invalid model: nope",
            "you must provide a model parameter",
            "That model does not exist",
            "Unknown model: nope",
        ] {
            assert!(words(message).unknown_model(), "{message}");
        }
        for message in [
            "404 page not found",
            "Resource not found",
            "File Not Found",
            "The model does not support thinking",
            "Unsupported parameter: 'max_tokens' is not supported with this model.",
        ] {
            assert!(!words(message).unknown_model(), "{message}");
        }
    }

    #[test]
    fn codes_are_heard_however_they_are_written() {
        let code = |code| Words::new(std::iter::once(code), std::iter::empty());
        for name in [
            "context_length_exceeded",
            "ContextLengthExceeded",
            "exceed_context_size_error",
            "model_max_prompt_tokens_exceeded",
            "request_too_large",
            "string_above_max_length",
        ] {
            assert!(code(name).too_long(true), "{name}");
        }
        for name in [
            "rate_limit_exceeded",
            "RateLimitReached",
            "too_many_requests",
            "429",
            "ThrottlingException",
            "RESOURCE_EXHAUSTED",
        ] {
            assert!(code(name).rate_code(), "{name}");
        }
        assert!(code("Tenant provided in token does not match resource token").wrong_tenant());
        assert!(code("insufficient_quota").used_up() && !code("rate_limit_exceeded").used_up());
        assert!(code("DeploymentNotFound").unknown_model());
        assert!(code("invalid_api_key").credentials());
    }
}
