//! The samples of one step, stacked.

use std::collections::BTreeMap;

use tch::{Device, Tensor};

use super::{Draw, LoaderError, Sample, SampleArray};

/// One sample of a batch: what was drawn, and its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrawnSample {
    /// Which sample, and why.
    pub draw: Draw,
    /// The sample's name.
    pub id: String,
}

/// The samples of one step, array by array.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// The step it is for.
    pub step: u64,
    /// Its samples, stream after stream.
    pub samples: Vec<DrawnSample>,
    arrays: BTreeMap<String, Stacked>,
}

#[derive(Debug, Clone, PartialEq)]
struct Stacked {
    values: SampleArray,
    places: Vec<usize>,
}

impl Batch {
    /// Stacks what was read for `samples`, both in the same order.
    pub(super) fn stack(
        step: u64,
        samples: Vec<DrawnSample>,
        read: Vec<Sample>,
    ) -> Result<Self, LoaderError> {
        let mut parts: BTreeMap<String, (Vec<usize>, Vec<SampleArray>)> = BTreeMap::new();
        for (place, sample) in read.into_iter().enumerate() {
            for (name, array) in sample.arrays {
                let (places, arrays) = parts.entry(name).or_default();
                places.push(place);
                arrays.push(array);
            }
        }
        let mut arrays = BTreeMap::new();
        for (name, (places, parts)) in parts {
            let described: Vec<String> = parts.iter().map(SampleArray::describe).collect();
            match SampleArray::stack(parts) {
                None => {}
                Some(Ok(values)) => {
                    arrays.insert(name, Stacked { values, places });
                }
                Some(Err(odd)) => {
                    return Err(LoaderError::Uneven {
                        array: name,
                        first: samples[places[0]].id.clone(),
                        expected: described[0].clone(),
                        id: samples[places[odd]].id.clone(),
                        got: described[odd].clone(),
                    });
                }
            }
        }
        Ok(Self {
            step,
            samples,
            arrays,
        })
    }

    /// The samples' names, for [`crate::StepLoss::sample_ids`].
    pub fn ids(&self) -> Vec<String> {
        self.samples.iter().map(|s| s.id.clone()).collect()
    }

    /// How many samples stream `stream` gave; they stand together, before those of the next stream.
    pub fn of_stream(&self, stream: usize) -> usize {
        let of = |s: &&DrawnSample| s.draw.stream == stream;
        self.samples.iter().filter(of).count()
    }

    /// Array `name` of all samples that have it, `(sample, …)` in the batch's order.
    ///
    /// # Errors
    /// [`LoaderError::NoArray`].
    pub fn array(&self, name: &str) -> Result<&SampleArray, LoaderError> {
        Ok(&self.stacked(name)?.values)
    }

    /// Places in the batch of the samples that have array `name`.
    ///
    /// # Errors
    /// [`LoaderError::NoArray`].
    pub fn places(&self, name: &str) -> Result<&[usize], LoaderError> {
        Ok(&self.stacked(name)?.places)
    }

    /// [`Self::array`] as a tensor on `device`, a copy. On its way to a CUDA device it goes through pinned
    /// memory, so that the copy runs beside the network.
    ///
    /// # Errors
    /// [`LoaderError::NoArray`], and [`LoaderError::Torch`] for want of memory.
    pub fn tensor(&self, name: &str, device: Device) -> Result<Tensor, LoaderError> {
        on_device(self.array(name)?.tensor(), device)
    }

    /// As [`Self::tensor`], but takes the array out of the batch: on the CPU nothing is copied.
    ///
    /// # Errors
    /// As [`Self::tensor`].
    pub fn take(&mut self, name: &str, device: Device) -> Result<Tensor, LoaderError> {
        match self.arrays.remove(name) {
            Some(stacked) => on_device(stacked.values.into_tensor()?, device),
            None => Err(self.no_array(name)),
        }
    }

    fn stacked(&self, name: &str) -> Result<&Stacked, LoaderError> {
        self.arrays.get(name).ok_or_else(|| self.no_array(name))
    }

    fn no_array(&self, name: &str) -> LoaderError {
        LoaderError::NoArray {
            array: name.to_owned(),
            step: self.step,
            known: format!("{:?}", self.arrays.keys().collect::<Vec<_>>()),
        }
    }
}

fn on_device(tensor: Tensor, device: Device) -> Result<Tensor, LoaderError> {
    if !device.is_cuda() {
        return Ok(tensor.f_to_device(device)?);
    }
    let pinned = tensor.f_pin_memory(device)?;
    Ok(pinned.f_to_device_(device, pinned.kind(), true, false)?)
}
