"""Find the networks in rapidocr's wheel and load them into onnxruntime."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from pipeline.errors import ConfigurationError


def packaged_model(kind: Literal["det", "rec"], purpose: str) -> Path:
    """Return the path of a network in rapidocr's wheel.

    Args:
        kind: det (text detection) or rec (text recognition), as in the names of the files.
        purpose: What needs it, as the subject of the message.

    Raises:
        ConfigurationError: rapidocr is not installed.
    """
    spec = find_spec("rapidocr")
    models = sorted(Path(spec.origin).parent.glob(f"models/*{kind}*.onnx")) if spec and spec.origin else []
    if not models:
        raise ConfigurationError(
            f"{purpose} needs the package rapidocr with its models.", 'Or set ocr.second_engine = "never".'
        )
    return models[0]


def open_session(model: bytes | str, *, keeps_memory: bool = True) -> Any:
    """Load a network, which runs in one thread: the workers are processes.

    Args:
        model: The network, or the path of its file.
        keeps_memory: Keep the memory of one call for the next.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.enable_cpu_mem_arena = keeps_memory
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
