//! The loss: each prompt's pixels, and whether it is there at all.

use scarce_train::loader::Loader;
use scarce_train::{StepContext, StepLoss, Task, TaskError, named_variables};
use tch::nn::VarStore;
use tch::{Device, Kind, Reduction, Tensor};

use super::network::Network;

/// How much the presence of what is asked for counts beside its pixels.
const PRESENCE_WEIGHT: f64 = 0.2;

/// Added to numerator and denominator of the soft Dice coefficient.
const SMOOTH: f64 = 1.0;

/// A training of the localizer.
pub struct LocalizerTask {
    pub store: VarStore,
    pub network: Network,
    pub loader: Loader,
    /// One row for each prompt.
    pub vectors: Tensor,
    pub text_noise: f64,
    pub device: Device,
}

impl Task for LocalizerTask {
    fn loss(&mut self, context: &StepContext) -> Result<StepLoss, TaskError> {
        let batch = self.loader.batch(context.step)?;
        let image = batch.tensor("image", self.device)?;
        let inside = batch.tensor("inside", self.device)?.to_kind(Kind::Float);
        let present = batch.tensor("present", self.device)?;
        let wording = batch.tensor("wording", self.device)?;
        let size = wording.size();
        let text = self.vectors.index_select(0, &wording.flatten(0, -1));
        // Noise of this length in all stands for wordings nobody thought of.
        let width = text.size()[1] as f64;
        let text = &text + text.randn_like() * (self.text_noise / width.sqrt());
        let text = text.view([size[0], size[1], -1]);

        let features = self.network.look(&image, true);
        let answers = self.network.answer(&features, &text);
        let pixels = answers.logits.binary_cross_entropy_with_logits::<Tensor>(
            &inside,
            None,
            None,
            Reduction::Mean,
        );
        let probability = answers.logits.sigmoid();
        let sum = |t: &Tensor| t.sum_dim_intlist([2, 3].as_slice(), false, Kind::Float);
        let overlap = sum(&(&probability * &inside)) * 2.0 + SMOOTH;
        let total = sum(&probability) + sum(&inside) + SMOOTH;
        let dice = overlap / total;
        let dice_present = (&dice * &present).sum(Kind::Float) / (present.sum(Kind::Float) + 1e-6);
        let presence = answers.presence.binary_cross_entropy_with_logits::<Tensor>(
            &present,
            None,
            None,
            Reduction::Mean,
        );
        let total = &pixels + (1.0 - &dice_present) + &presence * PRESENCE_WEIGHT;
        Ok(StepLoss {
            total,
            figures: vec![
                ("pixels".to_owned(), pixels.double_value(&[])),
                ("dice".to_owned(), dice_present.double_value(&[])),
                ("presence".to_owned(), presence.double_value(&[])),
            ],
            sample_ids: batch.ids(),
        })
    }

    fn weights(&self) -> Vec<(String, Tensor)> {
        named_variables(&self.store)
    }
}
