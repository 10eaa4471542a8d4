"""The recognition network with its last layer taken off, so that only the characters that may win are
computed.

The network ends in a layer of 18,710 characters, most of them Chinese: a quarter of its CPU. A model file is
a protobuf message; the layer is cut out of its bytes and its weights are handed back, so that no package is
needed that can write models."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

VARINT_WIRE_TYPE, LENGTH_DELIMITED_WIRE_TYPE = 0, 2
FIXED_WIRE_TYPE_BYTES = {1: 8, 5: 4}
"""Wire types of protobuf, and the bytes of those that have always the same."""
GRAPH_FIELD, METADATA_FIELD = 7, 14
NODE_FIELD, INITIALIZER_FIELD, OUTPUT_FIELD = 1, 5, 12
NODE_INPUT_FIELD, NODE_OUTPUT_FIELD = 1, 2
TENSOR_NAME_FIELD, TENSOR_DATA_FIELD = 8, 9
VALUE_NAME_FIELD = 1
METADATA_KEY_FIELD, METADATA_VALUE_FIELD = 1, 2
"""Numbers of the fields of an ONNX model that are looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TruncatedModel:
    """A model whose output is the input of its last layer, with that layer's weights (N x characters) and
    biases.
    """

    model: bytes
    weights: NDArray[np.float32]
    biases: NDArray[np.float32]


def truncate_model(model: bytes, characters: int) -> TruncatedModel:
    """The model without its last layer, which tells so many characters apart. Raises ValueError if it is
    built differently.
    """
    start, end, graph = next(
        (at, until, begin)
        for number, begin, at, until in iterate_fields(model, 0, len(model))
        if number == GRAPH_FIELD
    )
    kept: list[bytes] = []
    layer: dict[int, tuple[str, NDArray[np.float32]]] = {}
    for number, begin, at, until in iterate_fields(model, start, end):
        if (
            number == INITIALIZER_FIELD
            and (found := read_float_tensor(model, at, until))
            and found[1].size % characters == 0
        ):
            layer[found[1].size // characters] = found
        elif number != OUTPUT_FIELD:
            kept.append(model[begin:until])
    if len(layer) != 2 or 1 not in layer:
        raise ValueError("The network does not end in one layer of characters.")
    (_, (wide, weights)), (bias, biases) = max(layer.items()), layer[1]
    nodes, before = remove_nodes(kept, {wide, bias})
    body = b"".join(nodes) + encode_bytes_field(
        OUTPUT_FIELD, encode_bytes_field(VALUE_NAME_FIELD, before.encode())
    )
    return TruncatedModel(
        model=model[:graph] + encode_bytes_field(GRAPH_FIELD, body) + model[end:],
        weights=weights.reshape(-1, characters),
        biases=biases,
    )


def read_metadata(model: bytes, key: str) -> str:
    """What the model says of itself under a key. Raises KeyError."""
    for number, _, start, end in iterate_fields(model, 0, len(model)):
        if number == METADATA_FIELD:
            entry = {
                part: model[at:until].decode() for part, _, at, until in iterate_fields(model, start, end)
            }
            if entry.get(METADATA_KEY_FIELD) == key:
                return entry[METADATA_VALUE_FIELD]
    raise KeyError(key)


def read_float_tensor(model: bytes, start: int, end: int) -> tuple[str, NDArray[np.float32]] | None:
    """Name and numbers of an initializer; None if it holds no raw bytes of whole floats."""
    found = {number: model[at:until] for number, _, at, until in iterate_fields(model, start, end)}
    raw = found.get(TENSOR_DATA_FIELD, b"")
    return (
        (found[TENSOR_NAME_FIELD].decode(), np.frombuffer(raw, np.float32))
        if raw and len(raw) % 4 == 0
        else None
    )


def remove_nodes(graph: list[bytes], names: set[str]) -> tuple[list[bytes], str]:
    """The parts of a graph without the nodes that depend on these names, and what the first of those nodes
    takes beside them.
    """
    gone, kept, before = set(names), [], ""
    for part in graph:
        ends = node_connections(part)
        if any(side == NODE_INPUT_FIELD and name in gone for side, name in ends):
            before = before or next(
                name for side, name in ends if side == NODE_INPUT_FIELD and name not in gone
            )
            gone |= {name for side, name in ends if side == NODE_OUTPUT_FIELD}
        else:
            kept.append(part)
    return kept, before


def node_connections(part: bytes) -> list[tuple[int, str]]:
    """What a node takes and gives, as (NODE_INPUT_FIELD or NODE_OUTPUT_FIELD, name); nothing for another part of a
    graph.
    """
    number, _, start, end = next(iterate_fields(part, 0, len(part)))
    if number != NODE_FIELD:
        return []
    return [
        (side, part[at:until].decode())
        for side, _, at, until in iterate_fields(part, start, end)
        if side in (NODE_INPUT_FIELD, NODE_OUTPUT_FIELD)
    ]


def iterate_fields(message: bytes, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Of each field of a protobuf message: its number, where it begins, and from where to where its value
    goes.
    """
    at = start
    while at < end:
        begin = at
        tag, at = read_varint(message, at)
        kind = tag & 7
        if kind == VARINT_WIRE_TYPE:
            until = read_varint(message, at)[1]
        elif kind == LENGTH_DELIMITED_WIRE_TYPE:
            size, at = read_varint(message, at)
            until = at + size
        else:
            until = at + FIXED_WIRE_TYPE_BYTES[kind]
        yield tag >> 3, begin, at, until
        at = until


def read_varint(message: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, and where the next field begins."""
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def encode_bytes_field(number: int, value: bytes) -> bytes:
    """A field of bytes."""
    length, size = len(value), bytearray()
    while length > 127:
        size.append(length & 127 | 128)
        length >>= 7
    return bytes([number << 3 | LENGTH_DELIMITED_WIRE_TYPE, *size, length]) + value
