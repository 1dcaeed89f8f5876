// State that libtorch keeps for the whole process (or thread) and that tch does not reach: random
// generators, deterministic algorithms, threads, autocast, and which CUDA library is loaded.
#include <dlfcn.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <cstdlib>
#include <mutex>
#include <string>

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/core/Generator.h>

#include "border.h"

// From ATen/autocast_mode.h, which would drag in every operator's header. The linker checks the names.
namespace at::autocast {
TORCH_API bool is_autocast_enabled(at::DeviceType device_type);
TORCH_API void set_autocast_enabled(at::DeviceType device_type, bool enabled);
TORCH_API at::ScalarType get_autocast_dtype(at::DeviceType device_type);
TORCH_API void set_autocast_dtype(at::DeviceType device_type, at::ScalarType dtype);
TORCH_API void clear_cache();
TORCH_API int increment_nesting();
TORCH_API int decrement_nesting();
} // namespace at::autocast

namespace {

// `cuda_index` is -1 for the CPU.
at::Generator generator(int cuda_index) {
  const auto device = cuda_index < 0 ? at::Device(at::kCPU)
                                     : at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(cuda_index));
  return at::globalContext().defaultGenerator(device);
}

at::DeviceType device_type(bool cuda) {
  return cuda ? at::kCUDA : at::kCPU;
}

void check_loaded(void* handle) {
  if (handle == nullptr) {
    const char* reason = dlerror();
    TORCH_CHECK(false, reason == nullptr ? "dlopen failed" : reason);
  }
}

// The parts of the CUDA driver's interface that tell what is there; none creates a context.
struct Driver {
  int (*init)(unsigned);
  int (*count)(int*);
  int (*device)(int*, int);
  int (*name)(char*, int, int);
  int (*memory)(std::size_t*, int);
};

template <typename Function>
void find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  TORCH_CHECK(function != nullptr, "the CUDA driver has no ", name);
}

Driver driver() {
  void* library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  check_loaded(library);
  Driver driver{};
  find(library, "cuInit", driver.init);
  find(library, "cuDeviceGetCount", driver.count);
  find(library, "cuDeviceGet", driver.device);
  find(library, "cuDeviceGetName", driver.name);
  find(library, "cuDeviceTotalMem_v2", driver.memory);
  const int code = driver.init(0);
  TORCH_CHECK(code == 0, "the CUDA driver does not start, code ", code);
  return driver;
}

} // namespace

extern "C" {

int scarce_generator_state(int cuda_index, scarce_tensor** state, char* message) {
  return scarce::guarded(message, [&] {
    at::Generator found = generator(cuda_index);
    std::lock_guard<std::mutex> lock(found.mutex());
    *state = new at::Tensor(found.get_state());
  });
}

int scarce_set_generator_state(int cuda_index, const scarce_tensor* state, char* message) {
  return scarce::guarded(message, [&] {
    at::Generator found = generator(cuda_index);
    std::lock_guard<std::mutex> lock(found.mutex());
    found.set_state(*state);
  });
}

int scarce_set_deterministic(bool on, char* message) {
  return scarce::guarded(message, [&] {
    at::globalContext().setDeterministicAlgorithms(on, /*warn_only=*/false);
    at::globalContext().setDeterministicCuDNN(on);
    // Without benchmarking, cuDNN chooses by shape and not by a race of kernels.
    at::globalContext().setBenchmarkCuDNN(!on);
  });
}

bool scarce_is_deterministic() {
  return at::globalContext().deterministicAlgorithms();
}

int scarce_thread_counts(int* intra_op, int* inter_op, char* message) {
  return scarce::guarded(message, [&] {
    *intra_op = at::get_num_threads();
    *inter_op = at::get_num_interop_threads();
  });
}

int scarce_set_intra_op_threads(int count, char* message) {
  return scarce::guarded(message, [&] { at::set_num_threads(count); });
}

int scarce_set_inter_op_threads(int count, char* message) {
  return scarce::guarded(message, [&] { at::set_num_interop_threads(count); });
}

// Keeps freed memory for the next step: given back, it comes again as pages to be zeroed. What the environment
// says of it counts before us.
void scarce_keep_freed_memory() {
#ifdef __GLIBC__
  for (const char* variable : {"MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES"}) {
    if (std::getenv(variable) != nullptr) {
      return;
    }
  }
  // The largest threshold there is; larger pieces always come and go.
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, -1);
#endif
}

// Switches autocast to bfloat16 on for this thread; `was_enabled` and `was_type` receive what
// `scarce_leave_autocast` gives back.
int scarce_enter_autocast(bool cuda, bool* was_enabled, int* was_type, char* message) {
  return scarce::guarded(message, [&] {
    const auto type = device_type(cuda);
    *was_enabled = at::autocast::is_autocast_enabled(type);
    *was_type = static_cast<int>(at::autocast::get_autocast_dtype(type));
    at::autocast::set_autocast_enabled(type, true);
    at::autocast::set_autocast_dtype(type, at::kBFloat16);
    at::autocast::increment_nesting();
  });
}

int scarce_leave_autocast(bool cuda, bool was_enabled, int was_type, char* message) {
  return scarce::guarded(message, [&] {
    const auto type = device_type(cuda);
    // Weights cast once in a region are kept until the outermost one ends.
    if (at::autocast::decrement_nesting() == 0) {
      at::autocast::clear_cache();
    }
    at::autocast::set_autocast_dtype(type, static_cast<at::ScalarType>(was_type));
    at::autocast::set_autocast_enabled(type, was_enabled);
  });
}

// The file that libtorch's CPU half was loaded from, into `path` of `capacity` bytes.
int scarce_libtorch_file(char* path, std::size_t capacity, char* message) {
  return scarce::guarded(message, [&] {
    Dl_info found{};
    const auto address = reinterpret_cast<void*>(&at::get_num_threads);
    TORCH_CHECK(dladdr(address, &found) != 0 && found.dli_fname != nullptr, "libtorch tells no file");
    std::snprintf(path, capacity, "%s", found.dli_fname);
  });
}

// Loads a shared library for good, its symbols visible to all.
int scarce_load_library(const char* path, char* message) {
  return scarce::guarded(message, [&] { check_loaded(dlopen(path, RTLD_NOW | RTLD_GLOBAL)); });
}

int scarce_driver_device_count(int* count, char* message) {
  return scarce::guarded(message, [&] {
    const int code = driver().count(count);
    TORCH_CHECK(code == 0, "the CUDA driver counts no devices, code ", code);
  });
}

int scarce_driver_device(
    int index, char* name, int capacity, std::uint64_t* memory_bytes, char* message) {
  return scarce::guarded(message, [&] {
    const Driver driver = ::driver();
    int device = 0;
    std::size_t bytes = 0;
    const int code = driver.device(&device, index) + driver.name(name, capacity, device) +
        driver.memory(&bytes, device);
    TORCH_CHECK(code == 0, "the CUDA driver tells nothing of device ", index, ", code ", code);
    *memory_bytes = bytes;
  });
}

} // extern "C"
