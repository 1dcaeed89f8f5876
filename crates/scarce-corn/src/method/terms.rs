//! The terms of a loss, and what each has of it.

use scarce_train::StepLoss;
use tch::{Kind, Tensor};

use crate::CornError;

/// The terms of a loss, and figures beside them.
#[derive(Default)]
pub(super) struct Terms {
    weighed: Vec<(&'static str, Tensor, f64)>,
    measured: Vec<(&'static str, Tensor)>,
    figures: Vec<(String, f64)>,
}

impl Terms {
    /// A term by its weight.
    pub fn add(&mut self, name: &'static str, value: Tensor, weight: f64) {
        self.weighed.push((name, value, weight));
    }

    /// A scalar that is shown beside the terms.
    pub fn measure(&mut self, name: &'static str, value: &Tensor) {
        self.measured.push((name, value.detach()));
    }

    /// A number that is shown beside the terms.
    pub fn figure(&mut self, name: &str, value: f64) {
        self.figures.push((name.to_owned(), value));
    }

    /// Their weighted sum, with the figures: scalars come to the host together.
    pub fn into_loss(self, sample_ids: Vec<String>) -> Result<StepLoss, CornError> {
        let mut total: Option<Tensor> = None;
        for (_, value, weight) in &self.weighed {
            let weighted = value * *weight;
            total = Some(total.map_or_else(|| weighted.shallow_clone(), |sum| sum + &weighted));
        }
        let total = total.ok_or_else(|| {
            let expected = "weights of which some are above 0";
            CornError::setting("supervised", expected, "a loss without a term")
        })?;
        let scalars = self.measured.iter().map(|(_, value)| value);
        let scalars = scalars.chain(self.weighed.iter().map(|(_, value, _)| value));
        let scalars = scalars
            .chain([&total])
            .map(|value| value.detach().f_to_kind(Kind::Double))
            .collect::<Result<Vec<_>, _>>()?;
        let scalars = Vec::<f64>::try_from(Tensor::f_stack(&scalars, 0)?)?;
        let (measured, scalars) = scalars.split_at(self.measured.len());
        let whole = scalars[self.weighed.len()];
        let named = self.measured.iter().zip(measured);
        let mut figures: Vec<(String, f64)> = named
            .map(|((name, _), value)| ((*name).to_owned(), *value))
            .collect();
        for ((name, _, weight), value) in self.weighed.iter().zip(scalars) {
            figures.push(((*name).to_owned(), *value));
            figures.push((format!("{name}_weight"), *weight));
            let share = if whole == 0.0 {
                0.0
            } else {
                weight * value / whole
            };
            figures.push((format!("{name}_share"), share));
        }
        figures.extend(self.figures);
        Ok(StepLoss {
            total,
            figures,
            sample_ids,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_the_weighted_sum() {
        let mut terms = Terms::default();
        terms.add("a", Tensor::from(2.0f64), 0.5);
        terms.add("b", Tensor::from(30.0f64), 0.1);
        terms.measure("c", &Tensor::from(7.0f32));
        terms.figure("d", 9.0);
        let loss = terms.into_loss(Vec::new()).unwrap();
        assert_eq!(loss.total.double_value(&[]), 4.0);
        let expected = [
            ("c", 7.0),
            ("a", 2.0),
            ("a_weight", 0.5),
            ("a_share", 0.25),
            ("b", 30.0),
            ("b_weight", 0.1),
            ("b_share", 0.75),
            ("d", 9.0),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value));
        assert_eq!(loss.figures, expected);
        assert!(Terms::default().into_loss(Vec::new()).is_err());
    }
}
