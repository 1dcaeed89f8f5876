// Tensors over memory that Rust allocated.
#include <memory>

#include <ATen/ops/from_blob.h>

#include "border.h"

extern "C" {

// A CPU tensor of `kind` in C order over `data`. `release` is called once with `owner`: when the tensor's last
// user goes, or before this returns where it fails.
int scarce_tensor_over(
    void* data,
    const std::int64_t* sizes,
    std::size_t dimensions,
    int kind,
    void* owner,
    void (*release)(void*),
    scarce_tensor** tensor,
    char* message) {
  return scarce::guarded(message, [&] {
    std::shared_ptr<void> kept(owner, release);
    const auto options = at::TensorOptions().dtype(static_cast<at::ScalarType>(kind));
    *tensor = new at::Tensor(
        at::from_blob(data, at::IntArrayRef(sizes, dimensions), [kept](void* /*data*/) {}, options));
  });
}

} // extern "C"
