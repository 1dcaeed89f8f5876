// c10d: the store where processes meet, Gloo (and NCCL) collectives, and the reducer that averages
// gradients while the backward pass still runs.
#define USE_C10D_GLOO
#ifdef SCARCE_NCCL
#define USE_C10D_NCCL
#endif

#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <torch/csrc/distributed/c10d/logger.hpp>
#include <torch/csrc/distributed/c10d/reducer.hpp>
#ifdef SCARCE_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif

#include "border.h"

struct scarce_store {
  c10::intrusive_ptr<c10d::Store> inner;
};

struct scarce_group {
  c10::intrusive_ptr<c10d::ProcessGroup> inner;
};

struct scarce_reducer {
  std::shared_ptr<c10d::Reducer> inner;
  // The reducer calls it, without asking whether it is there, when other parameters are unused than before.
  std::shared_ptr<c10d::Logger> logger;
};

namespace {

using Milliseconds = std::chrono::milliseconds;
using Group = c10::intrusive_ptr<c10d::ProcessGroup>;

// Drops warnings of this thread while it lives.
class Silence : public c10::WarningHandler {
 public:
  void process(const c10::Warning& /*warning*/) override {}
};

// Sums (or averages) `tensor` over all processes, in place.
void all_reduce(const Group& group, const at::Tensor& tensor, bool mean) {
  at::NoGradGuard no_grad;
  // Collectives walk over memory: processes may lay a tensor out differently.
  at::Tensor flat = tensor.detach().contiguous();
  std::vector<at::Tensor> tensors{flat};
  c10d::AllreduceOptions options;
  options.reduceOp = c10d::ReduceOp::SUM;
  group->getBackend(flat.device().type())->allreduce(tensors, options)->wait();
  if (mean) {
    flat.div_(group->getSize());
  }
  if (!flat.is_alias_of(tensor)) {
    tensor.detach().copy_(flat);
  }
}

// The sum over all processes. Each process's loss depends on every process's input, so the
// gradient is summed over all processes as well.
struct SumOverProcesses : public torch::autograd::Function<SumOverProcesses> {
  static at::Tensor forward(
      torch::autograd::AutogradContext* context, const at::Tensor& input, const Group& group) {
    context->saved_data["group"] = group;
    at::Tensor sum = input.detach().clone(at::MemoryFormat::Contiguous);
    all_reduce(group, sum, false);
    return sum;
  }

  static torch::autograd::variable_list backward(
      torch::autograd::AutogradContext* context, torch::autograd::variable_list gradients) {
    at::Tensor gradient = gradients[0].clone(at::MemoryFormat::Contiguous);
    all_reduce(context->saved_data["group"].toCustomClass<c10d::ProcessGroup>(), gradient, false);
    return {gradient, at::Tensor()};
  }
};

std::shared_ptr<gloo::transport::Device> gloo_device(const std::string& host) {
  if (const char* interface = std::getenv("GLOO_SOCKET_IFNAME")) {
    return c10d::ProcessGroupGloo::createDeviceForInterface(interface);
  }
  return host.empty() ? c10d::ProcessGroupGloo::createDefaultDevice()
                      : c10d::ProcessGroupGloo::createDeviceForHostname(host);
}

std::vector<at::Tensor> collect(const scarce_tensor* const* tensors, std::size_t count) {
  std::vector<at::Tensor> collected;
  collected.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    collected.push_back(*tensors[i]);
  }
  return collected;
}

} // namespace

extern "C" {

// ---- The store.

// `port` receives the port that the server listens on; give 0 for any free one.
int scarce_tcp_store(
    const char* host,
    std::uint16_t* port,
    bool is_server,
    std::uint64_t timeout_ms,
    scarce_store** store,
    char* message) {
  return scarce::guarded(message, [&] {
    c10d::TCPStoreOptions options;
    options.port = *port;
    options.isServer = is_server;
    // Who has not come is found out by name, from keys.
    options.waitWorkers = false;
    options.timeout = Milliseconds(timeout_ms);
    auto made = c10::make_intrusive<c10d::TCPStore>(host, options);
    *port = made->getPort();
    *store = new scarce_store{std::move(made)};
  });
}

int scarce_store_prefixed(
    const scarce_store* store, const char* prefix, scarce_store** prefixed, char* message) {
  return scarce::guarded(message, [&] {
    *prefixed = new scarce_store{c10::make_intrusive<c10d::PrefixStore>(prefix, store->inner)};
  });
}

// A connection of its own to the same store, for another thread.
int scarce_store_clone(const scarce_store* store, scarce_store** clone, char* message) {
  return scarce::guarded(message, [&] { *clone = new scarce_store{store->inner->clone()}; });
}

void scarce_store_free(scarce_store* store) {
  delete store;
}

int scarce_store_set(
    scarce_store* store, const char* key, const std::uint8_t* value, std::size_t length, char* message) {
  return scarce::guarded(message, [&] {
    store->inner->set(key, std::vector<std::uint8_t>(value, value + length));
  });
}

// Whether `key` is there, without waiting for it.
int scarce_store_has(scarce_store* store, const char* key, bool* there, char* message) {
  return scarce::guarded(message, [&] { *there = store->inner->check({key}); });
}

// Waits for `key`; copies at most `capacity` bytes of its value, whose whole length is `length`.
int scarce_store_get(
    scarce_store* store,
    const char* key,
    std::uint8_t* value,
    std::size_t capacity,
    std::size_t* length,
    char* message) {
  return scarce::guarded(message, [&] {
    const std::vector<std::uint8_t> found = store->inner->get(key);
    *length = found.size();
    std::copy_n(found.begin(), std::min(capacity, found.size()), value);
  });
}

int scarce_store_add(
    scarce_store* store, const char* key, std::int64_t amount, std::int64_t* sum, char* message) {
  return scarce::guarded(message, [&] { *sum = store->inner->add(key, amount); });
}

// ---- Collectives.

// `host` is the address that other processes reach this one at; empty for the machine's own name.
int scarce_group_gloo(
    const scarce_store* store,
    int rank,
    int size,
    std::uint64_t timeout_ms,
    const char* host,
    scarce_group** group,
    char* message) {
  return scarce::guarded(message, [&] {
    auto options = c10d::ProcessGroupGloo::Options::create(Milliseconds(timeout_ms));
    options->devices.push_back(gloo_device(host));
    auto backend = c10::make_intrusive<c10d::ProcessGroupGloo>(
        c10::make_intrusive<c10d::PrefixStore>("gloo", store->inner), rank, size, options);
    auto made = c10::make_intrusive<c10d::ProcessGroup>(store->inner, rank, size);
    made->setBackend(c10::DeviceType::CPU, c10d::ProcessGroup::BackendType::GLOO, backend);
    made->setDefaultBackend(c10d::ProcessGroup::BackendType::GLOO);
    *group = new scarce_group{std::move(made)};
  });
}

// Adds NCCL for tensors on CUDA devices to a group of Gloo.
int scarce_group_add_nccl(
    scarce_group* group,
    const scarce_store* store,
    int rank,
    int size,
    std::uint64_t timeout_ms,
    char* message) {
  return scarce::guarded(message, [&] {
#ifdef SCARCE_NCCL
    auto options = c10d::ProcessGroupNCCL::Options::create();
    options->timeout = Milliseconds(timeout_ms);
    auto backend = c10::make_intrusive<c10d::ProcessGroupNCCL>(
        c10::make_intrusive<c10d::PrefixStore>("nccl", store->inner), rank, size, options);
    group->inner->setBackend(c10::DeviceType::CUDA, c10d::ProcessGroup::BackendType::NCCL, backend);
    group->inner->setDefaultBackend(c10d::ProcessGroup::BackendType::NCCL);
#else
    (void)group, (void)store, (void)rank, (void)size, (void)timeout_ms;
    TORCH_CHECK(false, "built without NCCL: the crate's feature `nccl` adds it");
#endif
  });
}

void scarce_group_free(scarce_group* group) {
  delete group;
}

int scarce_group_broadcast(
    const scarce_group* group,
    const scarce_tensor* const* tensors,
    std::size_t count,
    int root,
    char* message) {
  return scarce::guarded(message, [&] {
    if (count == 0) {
      return;
    }
    at::NoGradGuard no_grad;
    std::vector<at::Tensor> all = collect(tensors, count);
    for (at::Tensor& tensor : all) {
      tensor = tensor.detach();
    }
    c10d::broadcast_coalesced(group->inner, all, c10d::kDefaultBucketBytesCap, root);
  });
}

int scarce_group_all_reduce(
    const scarce_group* group, const scarce_tensor* tensor, bool mean, char* message) {
  return scarce::guarded(message, [&] { all_reduce(group->inner, *tensor, mean); });
}

int scarce_group_sum(
    const scarce_group* group, const scarce_tensor* tensor, scarce_tensor** sum, char* message) {
  return scarce::guarded(message, [&] {
    *sum = new at::Tensor(SumOverProcesses::apply(*tensor, group->inner));
  });
}

int scarce_group_barrier(const scarce_group* group, char* message) {
  return scarce::guarded(message, [&] {
    group->inner->getBackend(c10::DeviceType::CPU)->barrier()->wait();
  });
}

// ---- The reducer.

int scarce_reducer_new(
    const scarce_group* group,
    const scarce_tensor* const* parameters,
    std::size_t count,
    std::uint64_t bucket_bytes,
    scarce_reducer** reducer,
    char* message) {
  return scarce::guarded(message, [&] {
    const std::vector<at::Tensor> all = collect(parameters, count);
    const std::vector<bool> sparse(count, false);
    c10d::verify_params_across_processes(group->inner, all, std::nullopt);
    auto [buckets, limits] = c10d::compute_bucket_assignment_by_size(
        all, {c10d::kDefaultFirstBucketBytes, static_cast<std::size_t>(bucket_bytes)}, sparse);
    // Gradients come about in the opposite order of the forward pass.
    std::reverse(buckets.begin(), buckets.end());
    // Searching for unused parameters serves losses that leave some out in some steps; it also
    // keeps the buckets as they are, so that a resumed run adds in the same order.
    auto made = std::make_shared<c10d::Reducer>(
        all,
        std::move(buckets),
        group->inner,
        sparse,
        static_cast<std::int64_t>(bucket_bytes),
        /*find_unused_parameters=*/true,
        /*gradient_as_bucket_view=*/false,
        std::unordered_map<std::size_t, std::string>{},
        c10d::kDefaultFirstBucketBytes,
        /*skip_all_reduce_unused_params=*/false,
        /*use_python_reducer=*/false,
        std::vector<std::int64_t>{});
    auto logger = std::make_shared<c10d::Logger>(made);
    made->set_logger(logger);
    *reducer = new scarce_reducer{std::move(made), std::move(logger)};
  });
}

// Before `backward` on `loss`: the gradients that it leaves are averages over all processes.
int scarce_reducer_prepare(scarce_reducer* reducer, const scarce_tensor* loss, char* message) {
  return scarce::guarded(message, [&] {
    // It warns where no parameter is unused.
    Silence silence;
    c10::WarningUtils::WarningHandlerGuard guard(&silence);
    reducer->inner->prepare_for_forward();
    reducer->inner->prepare_for_backward({*loss});
  });
}

void scarce_reducer_free(scarce_reducer* reducer) {
  char message[scarce::kMessageBytes];
  // The destructor, which takes its hooks off the parameters, may throw.
  scarce::guarded(message, [&] { delete reducer; });
}

} // extern "C"
