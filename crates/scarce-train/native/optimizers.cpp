// The optimizers' updates: libtorch's fused kernels where it has them, else its eager operators in the
// order of the reference implementation.
#include <cmath>
#include <vector>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/_fused_sgd.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/sqrt.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/where.h>

#include "border.h"

namespace {

using Tensors = const scarce_tensor* const*;

// Detached, so that leaves of a graph may be written to.
std::vector<at::Tensor> collect(Tensors tensors, std::size_t count) {
  std::vector<at::Tensor> all;
  all.reserve(count);
  for (std::size_t k = 0; k < count; ++k) {
    all.push_back(tensors[k]->detach());
  }
  return all;
}

// Fused kernels for the CPU walk over memory and look at no stride.
void check_layouts(const std::vector<at::Tensor>& parameters, const std::vector<at::Tensor>& others) {
  for (std::size_t k = 0; k < parameters.size(); ++k) {
    const at::Tensor& parameter = parameters[k];
    TORCH_CHECK(parameter.is_non_overlapping_and_dense(), "a parameter of shape ", parameter.sizes(), " has gaps in memory");
    const at::Tensor& other = others[k];
    TORCH_CHECK(
        other.sizes() == parameter.sizes() && other.is_non_overlapping_and_dense(),
        "expected a dense tensor of shape ", parameter.sizes(), ", got ", other.sizes());
    for (std::int64_t axis = 0; axis < parameter.dim(); ++axis) {
      TORCH_CHECK(
          parameter.size(axis) == 1 || parameter.stride(axis) == other.stride(axis),
          "a parameter of strides ", parameter.strides(), " has a gradient or moment of ", other.strides());
    }
  }
}

} // namespace

extern "C" {

// The Euclidean norm of all tensors as one vector; the norms of each are put together in f64.
int scarce_global_norm(Tensors tensors, std::size_t count, double* norm, char* message) {
  return scarce::guarded(message, [&] {
    at::NoGradGuard no_grad;
    const std::vector<at::Tensor> norms = at::_foreach_norm(collect(tensors, count));
    *norm = at::linalg_vector_norm(at::stack(norms).to(at::kDouble)).item<double>();
  });
}

// Multiplies all tensors, of one type and device, in place.
int scarce_scale(Tensors tensors, std::size_t count, double factor, char* message) {
  return scarce::guarded(message, [&] {
    at::NoGradGuard no_grad;
    at::_foreach_mul_(collect(tensors, count), factor);
  });
}

// `torch.optim.AdamW`'s update number `step`, from 1, of parameters of one type and device.
int scarce_adamw(
    Tensors parameters,
    Tensors gradients,
    Tensors first_moments,
    Tensors second_moments,
    std::size_t count,
    double step,
    double learning_rate,
    double beta1,
    double beta2,
    double eps,
    double weight_decay,
    char* message) {
  return scarce::guarded(message, [&] {
    at::NoGradGuard no_grad;
    const std::vector<at::Tensor> updated = collect(parameters, count);
    const std::vector<at::Tensor> slopes = collect(gradients, count);
    const std::vector<at::Tensor> first = collect(first_moments, count);
    const std::vector<at::Tensor> second = collect(second_moments, count);
    check_layouts(updated, slopes);
    check_layouts(updated, first);
    check_layouts(updated, second);
    // Kernels only read it: one for all.
    const at::Tensor counted = at::full({}, step, updated.at(0).options().dtype(at::kFloat));
    at::_fused_adamw_(
        updated,
        slopes,
        first,
        second,
        /*max_exp_avg_sqs=*/{},
        std::vector<at::Tensor>(count, counted),
        learning_rate,
        beta1,
        beta2,
        weight_decay,
        eps,
        /*amsgrad=*/false,
        /*maximize=*/false);
  });
}

// `torch.optim.SGD`'s update of parameters of one type and device. `momenta` may be null where there is no
// momentum; before the first update they are zero.
int scarce_sgd(
    Tensors parameters,
    Tensors gradients,
    Tensors momenta,
    std::size_t count,
    double learning_rate,
    double momentum,
    double weight_decay,
    bool nesterov,
    char* message) {
  return scarce::guarded(message, [&] {
    at::NoGradGuard no_grad;
    const std::vector<at::Tensor> updated = collect(parameters, count);
    const std::vector<at::Tensor> slopes = collect(gradients, count);
    const std::vector<at::Tensor> buffers =
        momenta == nullptr ? std::vector<at::Tensor>{} : collect(momenta, count);
    check_layouts(updated, slopes);
    if (!buffers.empty()) {
      check_layouts(updated, buffers);
    }
    at::_fused_sgd_(
        updated,
        slopes,
        buffers,
        weight_decay,
        momentum,
        learning_rate,
        /*dampening=*/0.0,
        nesterov,
        /*maximize=*/false,
        /*is_first_step=*/false);
  });
}

// timm's `Lamb` for one parameter, its operators in timm's order. What is on the way is kept in the two rooms, of
// the parameter's shape; `correction1` and `correction2` are those of the moments, 1 for none.
int scarce_lamb(
    const scarce_tensor* parameter,
    const scarce_tensor* gradient,
    const scarce_tensor* first_moment,
    const scarce_tensor* second_moment,
    const scarce_tensor* room1,
    const scarce_tensor* room2,
    double learning_rate,
    double beta1,
    double beta2,
    double eps,
    double weight_decay,
    double correction1,
    double correction2,
    bool adapts,
    bool trust_clip,
    char* message) {
  return scarce::guarded(message, [&] {
    at::NoGradGuard no_grad;
    const at::Tensor updated = parameter->detach();
    at::Tensor denominator = *room1;
    at::Tensor update = *room2;
    first_moment->mul_(beta1).add_(*gradient, 1 - beta1);
    second_moment->mul_(beta2).addcmul_(*gradient, *gradient, 1 - beta2);
    at::sqrt_out(denominator, *second_moment).div_(std::sqrt(correction2)).add_(eps);
    update.copy_(*first_moment).div_(correction1).div_(denominator);
    if (weight_decay != 0) {
      update.add_(updated, weight_decay);
    }
    if (adapts) {
      // On the device, so that nothing waits for it.
      const at::Tensor of_parameter = at::linalg_vector_norm(updated);
      const at::Tensor of_update = at::linalg_vector_norm(update);
      const at::Tensor usable = of_parameter.gt(0).logical_and_(of_update.gt(0));
      at::Tensor ratio = of_parameter.div(of_update);
      ratio = at::where(usable, ratio, at::ones_like(ratio));
      update.mul_(trust_clip ? ratio.clamp_max(1.0) : ratio);
    }
    updated.add_(update, -learning_rate);
  });
}

} // extern "C"
