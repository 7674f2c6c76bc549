"""Each generator in ONNX's operators.

A module here has a function `describe(graph, generator, lr)`, which adds the
generator to an `onnx_graph.Graph`. They are listed in `onnx_file`.
"""
