"""Remove the last layer of the recognition network, so that only the characters that may win are computed.

The network ends in a layer of 18,710 characters, most of them Chinese, which takes a quarter of its CPU time.
An ONNX model file is a protobuf message (https://protobuf.dev/programming-guides/encoding/); the layer is cut
out of its bytes and its weights are returned, so that no package that writes models is needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

VARINT_WIRE_TYPE, LENGTH_DELIMITED_WIRE_TYPE = 0, 2
FIXED_WIRE_TYPE_BYTES = {1: 8, 5: 4}
"""Protobuf wire types, and the sizes in bytes of the fixed-width ones."""
GRAPH_FIELD, METADATA_FIELD = 7, 14
NODE_FIELD, INITIALIZER_FIELD, OUTPUT_FIELD = 1, 5, 12
NODE_INPUT_FIELD, NODE_OUTPUT_FIELD = 1, 2
TENSOR_NAME_FIELD, TENSOR_DATA_FIELD = 8, 9
VALUE_NAME_FIELD = 1
METADATA_KEY_FIELD, METADATA_VALUE_FIELD = 1, 2
"""Numbers of the fields used here, from onnx.proto (ModelProto, GraphProto, NodeProto, TensorProto,
ValueInfoProto and StringStringEntryProto).
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class TruncatedModel:
    """A model without its last layer; its output is that layer's input.

    Attributes:
        model: The ONNX file.
        weights: The layer's weights, shape (features, characters).
        biases: The layer's biases, shape (characters,).
    """

    model: bytes
    weights: NDArray[np.float32]
    biases: NDArray[np.float32]


def truncate_model(model: bytes, characters: int) -> TruncatedModel:
    """Return the model without its last layer.

    Args:
        model: The ONNX file.
        characters: Outputs of the last layer.

    Raises:
        ValueError: The model does not end in one such layer.
    """
    graph_start, graph_end, graph_tag = next(
        (value_start, value_end, tag_start)
        for number, tag_start, value_start, value_end in iterate_fields(model, 0, len(model))
        if number == GRAPH_FIELD
    )
    kept_fields: list[bytes] = []
    layers: dict[int, tuple[str, NDArray[np.float32]]] = {}
    for number, tag_start, value_start, value_end in iterate_fields(model, graph_start, graph_end):
        if (
            number == INITIALIZER_FIELD
            and (initializer := read_float_tensor(model, value_start, value_end))
            and initializer[1].size % characters == 0
        ):
            layers[initializer[1].size // characters] = initializer
        elif number != OUTPUT_FIELD:
            kept_fields.append(model[tag_start:value_end])
    if len(layers) != 2 or 1 not in layers:
        raise ValueError("The network does not end in one layer of characters.")
    (_, (weights_name, weights)), (biases_name, biases) = max(layers.items()), layers[1]
    remaining_fields, layer_input = remove_nodes(kept_fields, {weights_name, biases_name})
    body = b"".join(remaining_fields) + encode_bytes_field(
        OUTPUT_FIELD, encode_bytes_field(VALUE_NAME_FIELD, layer_input.encode())
    )
    return TruncatedModel(
        model=model[:graph_tag] + encode_bytes_field(GRAPH_FIELD, body) + model[graph_end:],
        weights=weights.reshape(-1, characters),
        biases=biases,
    )


def read_metadata(model: bytes, key: str) -> str:
    """Return the model's metadata under a key.

    Raises:
        KeyError: The model has no such key.
    """
    for number, _, start, end in iterate_fields(model, 0, len(model)):
        if number == METADATA_FIELD:
            entry = {
                part: model[part_start:part_end].decode()
                for part, _, part_start, part_end in iterate_fields(model, start, end)
            }
            if entry.get(METADATA_KEY_FIELD) == key:
                return entry[METADATA_VALUE_FIELD]
    raise KeyError(key)


def read_float_tensor(model: bytes, start: int, end: int) -> tuple[str, NDArray[np.float32]] | None:
    """Return the name and values of an initializer; None if it does not hold raw bytes of whole float32
    values.
    """
    values = {
        number: model[value_start:value_end]
        for number, _, value_start, value_end in iterate_fields(model, start, end)
    }
    raw = values.get(TENSOR_DATA_FIELD, b"")
    return (
        (values[TENSOR_NAME_FIELD].decode(), np.frombuffer(raw, np.float32))
        if raw and len(raw) % 4 == 0
        else None
    )


def remove_nodes(graph: list[bytes], names: set[str]) -> tuple[list[bytes], str]:
    """Remove the nodes that depend on some names from a graph.

    Args:
        graph: The encoded fields of the graph.
        names: Names of removed tensors.

    Returns:
        The remaining fields, and the name of the other input of the first removed node.
    """
    removed, kept, other_input = set(names), [], ""
    for field in graph:
        connections = node_connections(field)
        if any(kind == NODE_INPUT_FIELD and name in removed for kind, name in connections):
            other_input = other_input or next(
                name for kind, name in connections if kind == NODE_INPUT_FIELD and name not in removed
            )
            removed |= {name for kind, name in connections if kind == NODE_OUTPUT_FIELD}
        else:
            kept.append(field)
    return kept, other_input


def node_connections(field: bytes) -> list[tuple[int, str]]:
    """Return the inputs and outputs of a node as (NODE_INPUT_FIELD or NODE_OUTPUT_FIELD, name); nothing for
    other fields of a graph.
    """
    number, _, start, end = next(iterate_fields(field, 0, len(field)))
    if number != NODE_FIELD:
        return []
    return [
        (kind, field[value_start:value_end].decode())
        for kind, _, value_start, value_end in iterate_fields(field, start, end)
        if kind in (NODE_INPUT_FIELD, NODE_OUTPUT_FIELD)
    ]


def iterate_fields(message: bytes, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield, for each field of a protobuf message: its number, the offset of its tag, and the start and end
    of its value.
    """
    position = start
    while position < end:
        tag_start = position
        tag, position = read_varint(message, position)
        wire_type = tag & 7
        if wire_type == VARINT_WIRE_TYPE:
            value_end = read_varint(message, position)[1]
        elif wire_type == LENGTH_DELIMITED_WIRE_TYPE:
            size, position = read_varint(message, position)
            value_end = position + size
        else:
            value_end = position + FIXED_WIRE_TYPE_BYTES[wire_type]
        yield tag >> 3, tag_start, position, value_end
        position = value_end


def read_varint(message: bytes, position: int) -> tuple[int, int]:
    """Read a variable-length integer (seven bits per byte).

    Returns:
        The value and the offset after it.
    """
    value = shift = 0
    while True:
        byte = message[position]
        value |= (byte & 127) << shift
        position, shift = position + 1, shift + 7
        if byte < 128:
            return value, position


def encode_bytes_field(number: int, value: bytes) -> bytes:
    """Return an encoded length-delimited field."""
    length, size = len(value), bytearray()
    while length > 127:
        size.append(length & 127 | 128)
        length >>= 7
    return bytes([number << 3 | LENGTH_DELIMITED_WIRE_TYPE, *size, length]) + value
