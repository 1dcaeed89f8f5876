// What every function at the border to Rust shares: no exception leaves it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <utility>

#include <ATen/core/Tensor.h>
#include <c10/util/Exception.h>

// The tensors of the crate `tch` are pointers to this type.
using scarce_tensor = at::Tensor;

namespace scarce {

// Mirrored by `NativeFault` in src/native/border.rs.
enum Fault : int { kDone = 0, kRefused = 1, kNetwork = 2, kStore = 3 };

// The caller's buffer for a message is at least this long.
constexpr std::size_t kMessageBytes = 2048;

inline int tell(char* message, Fault fault, const char* text) noexcept {
  std::snprintf(message, kMessageBytes, "%s", text);
  return fault;
}

// Runs `body` and turns what it throws into a fault and a message.
template <typename Body>
int guarded(char* message, Body&& body) noexcept {
  try {
    std::forward<Body>(body)();
    return kDone;
  } catch (const c10::DistNetworkError& error) {
    return tell(message, kNetwork, error.what_without_backtrace());
  } catch (const c10::DistStoreError& error) {
    return tell(message, kStore, error.what_without_backtrace());
  } catch (const c10::Error& error) {
    return tell(message, kRefused, error.what_without_backtrace());
  } catch (const std::exception& error) {
    return tell(message, kRefused, error.what());
  } catch (...) {
    return tell(message, kRefused, "an exception of unknown type");
  }
}

} // namespace scarce
