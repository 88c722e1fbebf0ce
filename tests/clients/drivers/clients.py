"""Real Python clients against an OpenAI-style server, a line of what each saw for each model.

Use: clients.py BASE_URL CLIENT WAY MODEL…, where WAY is stream, whole, tools, cancel or models.
With WAY fail each MODEL is CASE:MODEL, and the line is the exception that openai-python raises.
"""

import asyncio
import os
import sys

QUESTION = "hi"
KEY = "dummy"
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather in a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


class Seen:
    """What a client made of an answer."""

    def __init__(self):
        self.text, self.thoughts, self.finish, self.usage = "", "", "", ""

    def __str__(self):
        return f"text {self.text!r} thoughts {self.thoughts!r} finish {self.finish} usage {self.usage}"


def openai_python(base, way, model, seen):
    import openai

    client = openai.OpenAI(base_url=base, api_key=KEY)
    if way == "models":
        seen.text = ",".join(each.id for each in client.models.list())
        return
    asked = [{"role": "user", "content": QUESTION}]
    if way == "whole":
        answer = client.chat.completions.create(model=model, messages=asked)
        choice = answer.choices[0]
        seen.text, seen.finish, seen.usage = choice.message.content, choice.finish_reason, answer.usage.total_tokens
        seen.thoughts = getattr(choice.message, "reasoning_content", "")
        return
    if way == "tools":
        call = client.chat.completions.create(model=model, messages=asked, tools=[WEATHER]).choices[0].message
        asked += [call.model_dump(exclude_none=True)]
        asked += [{"role": "tool", "tool_call_id": each.id, "content": "sunny"} for each in call.tool_calls]
        seen.text = client.chat.completions.create(model=model, messages=asked, tools=[WEATHER]).choices[0].message.content
        return
    options = {"stream_options": {"include_usage": True}}
    with client.chat.completions.create(model=model, messages=asked, stream=True, **options) as stream:
        for chunk in stream:
            if chunk.usage:
                seen.usage = chunk.usage.total_tokens
            for choice in chunk.choices:
                seen.text += choice.delta.content or ""
                seen.thoughts += getattr(choice.delta, "reasoning_content", None) or ""
                seen.finish = choice.finish_reason or seen.finish
            if way == "cancel" and seen.text:
                return


def openai_python_fails(base, case, model):
    import time

    import httpx
    import openai

    class Slow(httpx.HTTPTransport):
        """Sends half of a body, and the rest too late."""

        def handle_request(self, request):
            body = request.read()

            def halves():
                yield body[: len(body) // 2]
                time.sleep(1.5)
                yield body[len(body) // 2 :]

            slow = httpx.Request(request.method, request.url, headers=request.headers, content=halves())
            return super().handle_request(slow)

    client = openai.OpenAI(base_url=base, api_key=KEY, http_client=httpx.Client(transport=Slow()) if case == "slow" else None)
    asked = [{"role": "user", "content": "x" * 30000 if case == "long" else QUESTION}]
    headers = {"media": {"Content-Type": "text/plain"}, "origin": {"Origin": "https://other.example"}}.get(case)
    try:
        if case == "nowhere":
            client.embeddings.create(model=model, input=QUESTION)
        elif case == "method":
            client.post("/models", cast_to=object, body={})
        else:
            messages = [] if case == "empty" else asked
            client.chat.completions.create(model=model, messages=messages, extra_headers=headers)
        return "RAISES nothing"
    except openai.APIStatusError as error:
        wait = error.response.headers.get("retry-after")
        kind = type(error).__name__
        return f"RAISES {kind} status {error.status_code} code {error.code} id {error.request_id} wait {wait} text {error}"


def langchain(base, way, model, seen):
    from langchain_openai import ChatOpenAI

    chat = ChatOpenAI(base_url=base, api_key=KEY, model=model, stream_usage=True)
    if way == "tools":
        from langchain_core.messages import HumanMessage, ToolMessage

        asked = [HumanMessage(QUESTION)]
        bound = chat.bind_tools([WEATHER])
        call = bound.invoke(asked)
        asked += [call] + [ToolMessage("sunny", tool_call_id=each["id"]) for each in call.tool_calls]
        seen.text = bound.invoke(asked).content
        return
    if way == "whole":
        answer = chat.invoke(QUESTION)
        seen.text, seen.finish = answer.content, answer.response_metadata.get("finish_reason")
        seen.usage = answer.usage_metadata["total_tokens"]
        seen.thoughts = answer.additional_kwargs.get("reasoning_content", "")
        return
    stream = chat.stream(QUESTION)
    for chunk in stream:
        seen.text += chunk.content
        seen.thoughts += chunk.additional_kwargs.get("reasoning_content", "")
        seen.finish = chunk.response_metadata.get("finish_reason") or seen.finish
        seen.usage = chunk.usage_metadata["total_tokens"] if chunk.usage_metadata else seen.usage
        if way == "cancel" and seen.text:
            stream.close()
            return


def litellm_sdk(base, way, model, seen):
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    import litellm

    litellm.suppress_debug_info = True
    asked = [{"role": "user", "content": QUESTION}]
    call = {"model": f"openai/{model}", "api_base": base, "api_key": KEY}
    if way == "tools":
        message = litellm.completion(messages=asked, tools=[WEATHER], **call).choices[0].message
        asked += [message.model_dump(exclude_none=True)]
        asked += [{"role": "tool", "tool_call_id": each.id, "content": "sunny"} for each in message.tool_calls]
        seen.text = litellm.completion(messages=asked, tools=[WEATHER], **call).choices[0].message.content
        return
    if way == "whole":
        answer = litellm.completion(messages=asked, **call)
        choice = answer.choices[0]
        seen.text, seen.finish, seen.usage = choice.message.content, choice.finish_reason, answer.usage.total_tokens
        seen.thoughts = getattr(choice.message, "reasoning_content", "")
        return
    stream = litellm.completion(messages=asked, stream=True, stream_options={"include_usage": True}, **call)
    for chunk in stream:
        if getattr(chunk, "usage", None):
            seen.usage = chunk.usage.total_tokens
        for choice in chunk.choices:
            seen.text += choice.delta.content or ""
            seen.thoughts += getattr(choice.delta, "reasoning_content", None) or ""
            seen.finish = choice.finish_reason or seen.finish


def pydantic_ai(base, way, model, seen):
    from pydantic_ai import Agent
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    agent = Agent(OpenAIChatModel(model, provider=OpenAIProvider(base_url=base, api_key=KEY)))
    if way == "tools":

        @agent.tool_plain
        def weather(city: str) -> str:
            """The weather in a city."""
            return "sunny"

    def take(answer):
        for part in answer.parts:
            if part.part_kind == "thinking":
                seen.thoughts += part.content
            elif part.part_kind == "text":
                seen.text += part.content
        seen.finish, seen.usage = answer.finish_reason, answer.usage.total_tokens

    if way in ("whole", "tools"):
        result = agent.run_sync(QUESTION)
        take(result.all_messages()[-1])
        return

    async def stream():
        async with agent.run_stream(QUESTION) as result:
            async for text in result.stream_text(delta=True):
                if way == "cancel" and text:
                    seen.text = text
                    return
            take(result.all_messages()[-1])

    asyncio.run(stream())


def openai_agents(base, way, model, seen):
    from agents import Agent, OpenAIChatCompletionsModel, Runner, function_tool, set_tracing_disabled
    from openai import AsyncOpenAI

    set_tracing_disabled(True)

    @function_tool
    def weather(city: str) -> str:
        """The weather in a city."""
        return "sunny"

    async def run():
        chat = OpenAIChatCompletionsModel(model, AsyncOpenAI(base_url=base, api_key=KEY))
        agent = Agent(name="a", model=chat, tools=[weather] if way == "tools" else [])
        if way in ("whole", "tools"):
            result = await Runner.run(agent, QUESTION)
            seen.text, seen.usage = result.final_output, result.context_wrapper.usage.total_tokens
            return
        result = Runner.run_streamed(agent, QUESTION)
        async for event in result.stream_events():
            if event.type == "raw_response_event":
                kind = event.data.type
                if kind == "response.output_text.delta":
                    seen.text += event.data.delta
                elif "reasoning" in kind and kind.endswith("delta"):
                    seen.thoughts += event.data.delta
                if way == "cancel" and seen.text:
                    result.cancel(mode="immediate")
        seen.usage = result.context_wrapper.usage.total_tokens

    asyncio.run(run())


CLIENTS = {
    "openai-python": openai_python,
    "langchain": langchain,
    "litellm": litellm_sdk,
    "pydantic-ai": pydantic_ai,
    "openai-agents": openai_agents,
}


def main():
    base, client, way, *models = sys.argv[1:]
    for model in models:
        if way == "fail":
            try:
                said = openai_python_fails(base, *model.split(":"))
            except Exception as error:
                said = f"RAISES {type(error).__name__}: {error}"
            print(f"{model}\t{' '.join(said.split())}", flush=True)
            continue
        seen = Seen()
        try:
            CLIENTS[client](base, way, model, seen)
            said = str(seen)
        except Exception as error:  # What a caller can see of it is the point.
            known = [f"{name} {getattr(error, name)}" for name in ("status_code", "code") if getattr(error, name, None)]
            said = f"{seen} RAISES {type(error).__name__}: {error} {' '.join(known)}"
        print(f"{model}\t{' '.join(said.split())}", flush=True)


main()
