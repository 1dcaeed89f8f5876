import numpy as np, onnx
from onnx import TensorProto, helper as h
w = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], dtype=np.float32)
graph = h.make_graph(
    [
        h.make_node("MatMul", ["x", "weight"], ["matmul"], name="matmul"),
        h.make_node("LeakyRelu", ["matmul"], ["leakyrelu"], name="leakyrelu", alpha=0.25),
        h.make_node("Unsqueeze", ["leakyrelu", "axes"], ["unsqueeze"], name="unsqueeze"),
        h.make_node("Conv", ["unsqueeze", "kernel"], ["conv"], name="conv", pads=[0, 0]),
        h.make_node("Resize", ["conv", "", "scales"], ["resize"], name="resize", mode="linear"),
        h.make_node("Identity", ["resize"], ["y"], name="y is an output"),
    ],
    "small",
    [h.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", 3])],
    [h.make_tensor_value_info("y", TensorProto.FLOAT, ["rows", 1, 4])],
    [
        h.make_tensor("weight", TensorProto.FLOAT, [3, 2], w.tobytes(), raw=True),
        h.make_tensor("axes", TensorProto.INT64, [1], np.array([1], np.int64).tobytes(), raw=True),
        h.make_tensor("kernel", TensorProto.FLOAT, [1, 1, 1], np.array([0.5], np.float32).tobytes(), raw=True),
        h.make_tensor("scales", TensorProto.FLOAT, [3], np.array([1, 1, 2], np.float32).tobytes(), raw=True),
    ],
)
model = h.make_model(graph, producer_name="scarce", producer_version="0.0.0",
                     opset_imports=[h.make_opsetid("", 17)], ir_version=8)
h.set_model_props(model, {"seed": "7"})
onnx.checker.check_model(model, full_check=True)
print(model.SerializeToString(deterministic=True).hex())
