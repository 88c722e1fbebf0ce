"""A chat relay as a Python team would write it: the model's stream in, JSON Lines out.

It stands in the benchmark for what users have today: Quart, the openai SDK, one uvicorn worker under gunicorn.
"""

import json
import os

import httpx
from openai import AsyncAzureOpenAI, DefaultAsyncHttpxClient
from quart import Quart, Response, request

SYSTEM = {"role": "system", "content": "You are a helpful assistant."}

app = Quart(__name__)


async def token() -> str:
    """The benchmark's upstream asks for no identity."""
    return "none"


@app.before_serving
async def connect() -> None:
    # The SDK's own client holds 1,000 connections; a run has more streams than that.
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=10_000)
    app.model = AsyncAzureOpenAI(
        azure_endpoint=os.environ["AZURE_INFERENCE_ENDPOINT"],
        azure_ad_token_provider=token,
        api_version="2025-04-01-preview",
        http_client=DefaultAsyncHttpxClient(limits=limits),
    )
    app.deployment = os.environ["AZURE_DEEPSEEK_DEPLOYMENT"]


@app.after_serving
async def disconnect() -> None:
    await app.model.close()


@app.get("/")
async def ping() -> str:
    return "ok"


@app.post("/chat/stream")
async def chat() -> Response:
    messages = (await request.get_json())["messages"]

    async def lines():
        try:
            chunks = await app.model.chat.completions.create(
                model=app.deployment, messages=[SYSTEM, *messages], stream=True
            )
            async for chunk in chunks:
                if chunk.choices:
                    yield chunk.choices[0].model_dump_json() + "\n"
        except Exception as error:  # noqa: BLE001 - the reader is told, whatever it is
            yield json.dumps({"error": str(error)}) + "\n"

    response = Response(lines(), mimetype="application/x-ndjson")
    response.timeout = None
    return response
