//! libtorch's process-wide state, read and set.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::{Mutex, MutexGuard, PoisonError};

use scarce_train::native::autocast::{Autocast, in_bfloat16};
use scarce_train::native::cuda_library::{driver_devices, libtorch_file, load_library};
use scarce_train::native::optimizers::{Sgd, Updated, sgd};
use scarce_train::native::owned_tensor::tensor_from_vec;
use scarce_train::native::process_state::{
    generator_state, is_deterministic, set_deterministic, set_generator_state,
    set_inter_op_threads, set_intra_op_threads, thread_counts,
};
use tch::{Device, Kind, Tensor};

/// The state belongs to the process: tests take turns.
static STATE: Mutex<()> = Mutex::new(());

fn take_turn() -> MutexGuard<'static, ()> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn draw() -> Vec<f32> {
    let numbers = Tensor::randn([7], (Kind::Float, Device::Cpu));
    Vec::try_from(&numbers.dropout(0.3, true)).unwrap()
}

#[test]
fn a_generator_put_back_draws_the_same_again() {
    let _turn = take_turn();
    tch::manual_seed(11);
    // An odd number of normal draws leaves one in the generator's pocket, which is state too.
    let _ = Tensor::randn([1], (Kind::Float, Device::Cpu));
    let state = generator_state(Device::Cpu).unwrap();
    assert_eq!((state.size(), state.kind()), (vec![5056], Kind::Uint8));
    let (first, second) = (draw(), draw());
    assert_ne!(first, second);
    set_generator_state(Device::Cpu, &state).unwrap();
    assert_eq!((draw(), draw()), (first, second));
    assert_eq!(
        Vec::<u8>::try_from(&state).unwrap().len(),
        5056,
        "the copy is not moved on by draws"
    );
}

#[test]
fn what_is_no_generator_state_is_refused() {
    let _turn = take_turn();
    for (device, state, said) in [
        (
            Device::Cpu,
            Tensor::zeros([3], (Kind::Uint8, Device::Cpu)),
            "size",
        ),
        (
            Device::Cpu,
            Tensor::zeros([5056], (Kind::Float, Device::Cpu)),
            "ByteTensor",
        ),
        (
            Device::Vulkan,
            Tensor::zeros([5056], (Kind::Uint8, Device::Cpu)),
            "Vulkan",
        ),
    ] {
        let error = set_generator_state(device, &state).unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
    }
    if !tch::Cuda::is_available() {
        generator_state(Device::Cuda(0)).unwrap_err();
    }
}

#[test]
fn determinism_is_refused_where_an_operator_has_none() {
    let _turn = take_turn();
    let unordered = || {
        Tensor::zeros([4], (Kind::Float, Device::Cpu)).f_put_(
            &Tensor::from_slice(&[1i64, 1]),
            &Tensor::from_slice(&[1f32, 2.0]),
            false,
        )
    };
    assert!(!is_deterministic());
    let _ = unordered().unwrap();
    set_deterministic(true).unwrap();
    assert!(is_deterministic());
    let refused = unordered().unwrap_err().to_string();
    set_deterministic(false).unwrap();
    assert!(refused.contains("deterministic"), "{refused}");
    assert!(!is_deterministic());
    let _ = unordered().unwrap();
}

#[test]
fn threads_are_counted_and_set() {
    let _turn = take_turn();
    let before = thread_counts().unwrap();
    set_intra_op_threads(1).unwrap();
    assert_eq!(thread_counts().unwrap().intra_op, 1);
    assert_eq!(tch::get_num_threads(), 1);
    set_intra_op_threads(0).unwrap_err();
    set_intra_op_threads(before.intra_op).unwrap();
    assert_eq!(thread_counts().unwrap(), before);
    set_inter_op_threads(0).unwrap_err();
    set_inter_op_threads(2).unwrap();
    assert_eq!(thread_counts().unwrap().inter_op, 2);
}

#[test]
fn autocast_takes_bfloat16_where_it_gains_and_ends_with_its_guard() {
    let _turn = take_turn();
    let kinds = || {
        let input = Tensor::ones([2, 3], (Kind::Float, Device::Cpu));
        let weight = Tensor::ones([4, 3], (Kind::Float, Device::Cpu));
        let product = input.matmul(&weight.tr());
        // A sum of many squares keeps float32.
        (
            product.kind(),
            product.mse_loss(&product, tch::Reduction::Mean).kind(),
        )
    };
    let outside = (Kind::Float, Kind::Float);
    let inside = (Kind::BFloat16, Kind::Float);
    assert_eq!(kinds(), outside);
    {
        let _outer = Autocast::bfloat16(Device::Cpu).unwrap();
        assert_eq!(kinds(), inside);
        {
            let _inner = Autocast::bfloat16(Device::Cpu).unwrap();
            assert_eq!(kinds(), inside);
        }
        assert_eq!(
            kinds(),
            inside,
            "the inner guard must not end the outer one"
        );
    }
    assert_eq!(kinds(), outside);
    let mut seen = Vec::new();
    in_bfloat16(Device::Cpu)(&mut || seen.push(kinds()));
    assert_eq!(seen, [inside]);
    Autocast::bfloat16(Device::Mps).unwrap_err();
    assert_eq!(kinds(), outside);
}

#[test]
fn the_loaded_libtorch_tells_where_it_lies() {
    let file = libtorch_file().unwrap();
    let name = file.file_name().unwrap().to_string_lossy().into_owned();
    assert!(
        file.is_file() && name.starts_with("libtorch_cpu."),
        "{file:?}"
    );
    let absent = file.with_file_name("libtorch_of_no_kind.so");
    let error = load_library(&absent).unwrap_err().to_string();
    assert!(error.contains("libtorch_of_no_kind.so"), "{error}");
}

#[test]
fn a_machine_without_a_driver_says_so() {
    match driver_devices() {
        Ok(devices) => {
            for device in devices {
                assert!(
                    !device.name.is_empty() && device.memory_bytes > 0,
                    "{device:?}"
                );
            }
        }
        Err(error) => assert!(error.to_string().contains("CUDA"), "{error}"),
    }
}

#[test]
fn a_vector_becomes_a_tensor_of_its_shape() {
    let values: Vec<f32> = (0..6).map(|n| n as f32).collect();
    let expected = Tensor::from_slice(&values).view([2, 3]);
    let pointer = values.as_ptr() as usize;
    let tensor = tensor_from_vec(values, &[2, 3]).unwrap();
    assert_eq!(tensor.data_ptr() as usize, pointer);
    let view = tensor.select(0, 1);
    drop(tensor);
    assert!(
        view.equal(&expected.select(0, 1)),
        "a view keeps the memory"
    );
    for (kind, tensor) in [
        (Kind::Uint8, tensor_from_vec(vec![1u8, 2], &[2])),
        (Kind::Int16, tensor_from_vec(vec![1i16, 2], &[2])),
        (Kind::Int, tensor_from_vec(vec![1i32, 2], &[2])),
        (Kind::Int64, tensor_from_vec(vec![1i64, 2], &[2])),
        (Kind::Double, tensor_from_vec(vec![1f64, 2.0], &[2])),
        (Kind::Bool, tensor_from_vec(vec![true, true], &[2])),
    ] {
        let tensor = tensor.unwrap();
        assert_eq!((tensor.kind(), tensor.size()), (kind, vec![2]));
    }
    assert_eq!(
        tensor_from_vec(Vec::<f32>::new(), &[0, 3]).unwrap().size(),
        [0, 3]
    );
    for shape in [&[4][..], &[-3, -2], &[3, 3], &[i64::MAX, 4]] {
        assert!(tensor_from_vec(vec![0f32; 6], shape).is_err(), "{shape:?}");
    }
}

/// What libtorch's fused kernels would walk over wrongly is refused.
#[test]
fn updates_of_unlike_tensors_are_refused() {
    let _turn = take_turn();
    let zeros = |size: &[i64]| Tensor::zeros(size, (Kind::Float, Device::Cpu));
    let settings = Sgd {
        learning_rate: 0.1,
        momentum: 0.0,
        weight_decay: 0.0,
        nesterov: false,
    };
    for (parameter, gradient, said) in [
        (zeros(&[2, 3]), zeros(&[3, 2]), "shape"),
        (zeros(&[2, 3]), zeros(&[3, 2]).tr(), "strides"),
        (zeros(&[2, 6]).narrow(1, 0, 3), zeros(&[2, 3]), "gaps"),
        (zeros(&[2, 3]), zeros(&[1]).expand([2, 3], false), "dense"),
    ] {
        let updated = Updated {
            parameters: vec![parameter],
            gradients: vec![gradient],
            ..Updated::default()
        };
        let message = sgd(&updated, settings).unwrap_err().to_string();
        assert!(message.contains(said), "{message} lacks {said}");
    }
    let lists = Updated {
        parameters: vec![zeros(&[1])],
        ..Updated::default()
    };
    let message = sgd(&lists, settings).unwrap_err().to_string();
    assert!(message.contains("different lengths"), "{message}");
}
