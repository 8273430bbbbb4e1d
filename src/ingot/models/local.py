"""A GGUF file as a model, in this process, through llama-cpp-python.

The reply's opening fence, and the start that the request states, are written for the model and its closing fence ends
it, so a reply is one block by construction. (A grammar does the same, but made generation a third slower when measured;
a JSON Schema still uses one.)
"""

from __future__ import annotations

import importlib.util
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ingot.errors import ModelError, ModelTimeout, PromptTooLong
from ingot.models.model import Completion, Request
from ingot.models.reply import within_limit
from ingot.usage import Usage

CONTEXT = 8_192
OPENING = "```python\n"
CLOSING = b"\n```"
_CHUNK = 128  # prompt tokens read between two looks at the clock


class Local:
    """A model file, loaded at the first completion and kept. Safe to share between threads, which take turns.

    The same request gets the same reply, whatever was asked before it. `timeout` is in seconds per completion, not
    counting the loading; `context` in tokens is cut to what the model was made for.
    """

    def __init__(self, path: str | Path, *, timeout: float = 600.0, context: int = CONTEXT) -> None:
        self.path = Path(path)
        self.timeout = timeout
        self.context = context
        self.name = f"local:{self.path}"
        self._lock = threading.Lock()
        self._llama: Any = None
        _check_file(self.path)
        _check_installed()

    def __repr__(self) -> str:
        return f"Local({str(self.path)!r}, timeout={self.timeout:g}, context={self.context})"

    def complete(self, request: Request) -> Completion:
        """Answer in this process. Raises ModelTimeout, or PromptTooLong where the prompt does not fit the context."""
        with self._lock:
            llama = self._llama = self._llama or _load(self.path, self.context)
            began = time.monotonic()
            prompt = _prompt_tokens(llama, request, self.path)
            room = int(llama.n_ctx()) - len(prompt)
            if room < 1:
                raise PromptTooLong(
                    f"the prompt has {len(prompt)} tokens; {self.name!r} has a context of {llama.n_ctx()}",
                    hint="use a larger context or another model",
                )
            limit = min(request.max_tokens, room)
            written, whole, count = self._write(llama, prompt, request, limit, began + self.timeout)
        text = within_limit(written.decode(errors="replace"), self.name)
        if request.schema is None:
            text = OPENING + request.start + text + (CLOSING.decode() + "\n" if whole else "")
        elif not whole:
            raise ModelError(
                f"{self.name!r} was cut off after {count} tokens, within its JSON answer",
                hint="allow more max_tokens, or ask for less",
            )
        usage = Usage(len(prompt), count, 1)
        return Completion(text, f"local:{self.path.name}", usage, time.monotonic() - began)

    def _write(
        self, llama: Any, prompt: list[int], request: Request, limit: int, deadline: float
    ) -> tuple[bytes, bool, int]:
        """The text, whether it is whole, and how many tokens it took."""
        in_time = self._clock(deadline)
        text, count = b"", 0
        _read_prompt(llama, prompt, in_time)
        for token in _tokens(llama, prompt, request):
            count += 1
            if _ends(llama, token):
                return text.rstrip(), True, count
            text += llama.detokenize([token], prev_tokens=prompt)
            at = text.find(CLOSING, max(0, len(text) - 32)) if request.schema is None else -1
            if at >= 0:
                return text[:at].rstrip(), True, count
            if count >= limit:
                break
            in_time()
        return text, False, count

    def _clock(self, deadline: float) -> Callable[[], None]:
        def in_time() -> None:
            if time.monotonic() >= deadline:
                raise ModelTimeout(
                    f"{self.name!r} was not done within {self.timeout:g} s",
                    hint="allow a longer time-out, or use a smaller model",
                )

        return in_time


def _check_file(path: Path) -> None:
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise ModelError(
            f"the model file {str(path)!r} cannot be read: {error.strerror}", hint="give the path of a .gguf file"
        ) from None
    if magic != b"GGUF":
        raise ModelError(f"{str(path)!r} is not a GGUF file", hint="give the path of a .gguf file")


def _check_installed() -> None:
    if importlib.util.find_spec("llama_cpp") is None:
        raise ModelError(
            "'local:' needs the package 'llama_cpp', which is not installed", hint="pip install 'ingot[local]'"
        )


def _load(path: Path, context: int) -> Any:
    from llama_cpp import Llama

    def load(size: int) -> Any:
        threads = _threads()
        return Llama(str(path), n_ctx=size, n_batch=_CHUNK, n_threads=threads, n_threads_batch=threads, verbose=False)

    try:
        llama = load(context)
        trained = int(llama.metadata.get(f"{llama.metadata.get('general.architecture')}.context_length", context))
        if trained < context:
            llama.close()
            llama = load(trained)
    except (ValueError, RuntimeError, OSError, AssertionError) as error:
        raise ModelError(
            f"{str(path)!r} cannot be loaded: {error}", hint="is it whole, and is there memory enough?"
        ) from None
    return llama


def _threads() -> int:
    """Not every core: the threads wait for each other spinning, so one busy core more makes all of them crawl
    (measured on two busy cores: 3 tokens a second with two threads, 11 with one; idle, 20 and 17)."""
    cores = os.cpu_count() or 1
    return max(1, cores - 1 if cores <= 4 else cores // 2)


def _prompt_tokens(llama: Any, request: Request, path: Path) -> list[int]:
    """The chat as the model's own template writes it, up to where its answer starts."""
    from llama_cpp.llama_chat_format import Jinja2ChatFormatter

    template = llama.metadata.get("tokenizer.chat_template")
    if template is None:
        raise ModelError(f"{str(path)!r} has no chat template", hint="use an instruction-tuned model")
    messages: list[Any] = [{"role": "system", "content": request.system}] if request.system else []
    messages.append({"role": "user", "content": request.prompt})
    chat = Jinja2ChatFormatter(template, eos_token=_special(llama, llama.token_eos()), bos_token="")
    text = chat(messages=messages).prompt
    text += OPENING + request.start if request.schema is None else ""
    return list(llama.tokenize(text.encode(), add_bos=True, special=True))


def _special(llama: Any, token: int) -> str:
    return str(llama.detokenize([token], special=True).decode(errors="replace")) if token >= 0 else ""


def _read_prompt(llama: Any, prompt: list[int], in_time: Callable[[], None]) -> None:
    """Evaluate all of the prompt but its last token, in chunks between which the clock and Ctrl-C are heard.

    What the model holds from the request before is kept, in whole chunks: a chunk computed again in another size
    would differ in its last digits, and then the same request could get another reply.
    """
    held = llama.input_ids[: llama.n_tokens].tolist()
    same = next((at for at, (old, new) in enumerate(zip(held, prompt, strict=False)) if old != new), len(held))
    kept = min(same, len(prompt) - 1) // _CHUNK * _CHUNK
    llama.n_tokens = kept
    for start in range(kept, len(prompt) - 1, _CHUNK):
        llama.eval(prompt[start : min(start + _CHUNK, len(prompt) - 1)])
        in_time()


def _tokens(llama: Any, prompt: list[int], request: Request) -> Iterator[int]:
    from llama_cpp.llama_grammar import LlamaGrammar

    grammar = None
    if request.schema is not None:
        try:
            grammar = LlamaGrammar.from_json_schema(json.dumps(dict(request.schema)), verbose=False)
        except (ValueError, KeyError, TypeError, AssertionError, RecursionError) as error:
            raise ModelError(f"no grammar can be made of the schema: {error}", hint="use a simpler schema") from None
    llama.set_seed(request.seed)
    yield from llama.generate(
        prompt, top_k=40, top_p=0.95, min_p=0.05, temp=request.temperature, repeat_penalty=1.0, grammar=grammar
    )


def _ends(llama: Any, token: int) -> bool:
    import llama_cpp

    return bool(llama_cpp.llama_vocab_is_eog(llama_cpp.llama_model_get_vocab(llama.model), token))
