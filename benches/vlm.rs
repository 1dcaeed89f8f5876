//! From a prompt to a region, with the text encoder that `cargo xtask setup` lays out.

use std::collections::BTreeMap;
use std::error::Error;
use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};
use scarce_benches::{label_phantom, phantom};
use scarce_vlm::Localizer as _;
use scarce_vlm::label_map::{LabelMapLocalizer, LabelMapOptions};
use scarce_vlm::text::{SentenceEncoder as _, TextEncoder};

fn bench(c: &mut Criterion) -> Result<(), Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/models/minilm");
    let load = || TextEncoder::load(&folder.join("model.onnx"), &folder.join("tokenizer.json"));
    let mut encoder = load()?;
    let names = [(1, "body"), (2, "heart"), (3, "aorta")];
    let names: BTreeMap<u16, String> = names.map(|(label, name)| (label, name.to_owned())).into();
    let volume = phantom(128)?;
    let mut localizer = LabelMapLocalizer::new(
        load()?,
        label_phantom(128)?,
        names,
        LabelMapOptions::default(),
    )?;
    localizer.localize(&volume, "heart")?;
    let mut group = c.benchmark_group("vlm");
    group.bench_function("encode_a_sentence", |b| {
        b.iter(|| encoder.encode(black_box(&["the organ that pumps blood"])));
    });
    group.bench_function("localize/128", |b| {
        b.iter(|| localizer.localize(black_box(&volume), "heart"));
    });
    group.finish();
    Ok(())
}

#[expect(clippy::expect_used, reason = "a bench has nobody to hand an error to")]
fn vlm(c: &mut Criterion) {
    bench(c).expect("cargo xtask setup has laid out the text encoder");
}

criterion_group! { name = benches; config = scarce_benches::criterion(); targets = vlm }
criterion_main!(benches);
