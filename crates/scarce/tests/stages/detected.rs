//! Detection through the command line, on pictures made here.

use std::fs;
use std::path::Path;

use ndarray::{Array2, Array3};
use serde_json::{Value, json};

use crate::{scarce, succeed};

const DETECT: &str = r#"
task = "detect"
recipe = "scratch"
[data]
images = "pictures"
masks = "masks"
[data.split]
validation = 0.2
test = 0.0
[data.held_out]
images = "held"
outlines = "held/coco.json"
[method]
input_yx = [48, 48]
fit = "pad"
scales = [0.75, 1.0]
batch = 4
[method.network]
pyramid_channels = 16
[method.network.encoder]
widths = [8, 8, 16, 16]
[method.network.proposals]
anchor_sides = [8.0, 12.0, 16.0, 24.0, 32.0]
after_suppression = [40, 30]
[method.network.regions]
box_width = 32
mask_layers = 1
sampled = 16
[training]
steps = 60
learning_rate = 4e-3
[training.validation]
every = 30
[training.schedule]
warmup_steps = 2
"#;

/// Two bright squares on noise, and their corners `x, y, side`.
fn squares(k: usize) -> (Array3<u8>, [[usize; 3]; 2]) {
    let squares = [
        [2 + 5 * k % 11, 3 + 7 * k % 13, 11],
        [26 + 3 * k % 7, 18 + 5 * k % 5, 9 + k % 4],
    ];
    let is_inside = |[x1, y1, side]: [usize; 3], y: usize, x: usize| {
        (x1..x1 + side).contains(&x) && (y1..y1 + side).contains(&y)
    };
    let pixels = Array3::from_shape_fn((36, 48, 3), |(y, x, _)| {
        let bright = squares.iter().any(|square| is_inside(*square, y, x));
        40 + 150 * u8::from(bright) + ((7 * y + 13 * x + 29 * k) % 31) as u8
    });
    (pixels, squares)
}

fn polygon([x, y, side]: [usize; 3]) -> Vec<usize> {
    vec![x, y, x + side, y, x + side, y + side, x, y + side]
}

fn pictures(folder: &Path) {
    for name in ["pictures", "masks", "held"] {
        fs::create_dir(folder.join(name)).unwrap();
    }
    let (mut images, mut annotations) = (Vec::new(), Vec::new());
    for k in 0..22 {
        let (pixels, squares) = squares(k);
        let name = format!("{k}.png");
        let part = if k < 16 { "pictures" } else { "held" };
        scarce::io::write_png_rgb(&folder.join(part).join(&name), pixels.view()).unwrap();
        if k < 16 {
            let mut mask = Array2::<u16>::zeros((36, 48));
            for [x1, y1, side] in squares {
                for y in y1..y1 + side {
                    for x in x1..x1 + side {
                        mask[[y, x]] = 1;
                    }
                }
            }
            scarce::io::write_png_grey16(&folder.join("masks").join(&name), mask.view()).unwrap();
            continue;
        }
        images.push(json!({"id": k, "file_name": name, "height": 36, "width": 48}));
        for square in squares {
            annotations.push(
                json!({"id": annotations.len() + 1, "image_id": k, "category_id": 1,
                "segmentation": [polygon(square)]}),
            );
        }
    }
    let coco = json!({"images": images, "annotations": annotations,
        "categories": [{"id": 1, "name": "square"}]});
    fs::write(folder.join("held/coco.json"), coco.to_string()).unwrap();
}

fn read(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// What `evaluate` says of the records that the run leaves.
fn scored_again(folder: &Path, kind: &str) -> Value {
    let line = format!(
        "evaluate --task detect --pred run/test/detections.json --ref run/test/annotations.json --iou-type {kind} --json again.json"
    );
    succeed(folder, &line.split(' ').collect::<Vec<_>>());
    read(&folder.join("again.json"))
}

#[test]
fn objects_are_found_scored_and_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    pictures(folder);
    fs::write(folder.join("d.toml"), DETECT).unwrap();
    let finetune = ["finetune", "--config", "d.toml", "--threads", "1"];
    succeed(folder, &[&finetune[..], &["--out", "run"]].concat());

    let test = folder.join("run/test");
    let annotations = read(&test.join("annotations.json"));
    assert_eq!(annotations["images"].as_array().unwrap().len(), 6);
    let boxes = &annotations["annotations"];
    assert_eq!(boxes.as_array().unwrap().len(), 12);
    let [x, y, side] = squares(16).1[0];
    let expected = json!([x as f64, y as f64, side as f64, side as f64]);
    assert_eq!(boxes[0]["bbox"], expected);
    let froc = read(&test.join("froc.json"));
    for (name, kind) in [("boxes", "bbox"), ("masks", "segm")] {
        let report = read(&test.join(format!("{name}.json")));
        let ap50 = report["mean"]["ap50"]["value"].as_f64().unwrap();
        assert!(ap50 > 0.5, "{name}: {ap50}");
        let mut figures = report["mean"].as_object().unwrap().clone();
        if kind == "bbox" {
            figures.extend(froc["mean"].as_object().unwrap().clone());
        }
        assert_eq!(scored_again(folder, kind)["mean"], Value::Object(figures));
    }
    assert_eq!(
        (froc["n_scans"].as_u64(), froc["n_lesions"].as_u64()),
        (Some(6), Some(12))
    );
    assert!(test.join("overlays/21.png").is_file());

    let predict = [
        "predict",
        "--checkpoint",
        "run",
        "--input",
        "held/18.png",
        "--out",
        "p",
    ];
    succeed(folder, &predict);
    // Batches of one and of four differ in rounding.
    let of_image = |records: Value, id: i64| {
        let records = records.as_array().unwrap().clone().into_iter();
        let of = records.filter(|record| record["image_id"] == id);
        let corners = of.flat_map(|record| record["bbox"].as_array().unwrap().clone());
        corners
            .map(|corner| corner.as_f64().unwrap())
            .collect::<Vec<_>>()
    };
    let alone = of_image(read(&folder.join("p/detections.json")), 1);
    let among_others = of_image(read(&test.join("detections.json")), 3);
    assert!(!alone.is_empty() && alone.len() == among_others.len());
    for (a, b) in alone.iter().zip(&among_others) {
        assert!((a - b).abs() < 1e-3, "{alone:?} {among_others:?}");
    }
    assert!(folder.join("p/overlays/18.png").is_file());

    succeed(folder, &["report", "run", "--title", "squares"]);
    let page = fs::read_to_string(folder.join("run/report.html")).unwrap();
    for part in [
        "Detection against truth: test",
        "ap50",
        "sensitivity_at_1",
        "data:image/png",
    ] {
        assert!(page.contains(part), "no {part}");
    }

    let export = [
        "export",
        "--checkpoint",
        "run",
        "--onnx",
        "graphs",
        "--json",
        "apart.json",
    ];
    succeed(folder, &export);
    for name in ["proposals", "boxes", "masks"] {
        assert!(folder.join(format!("graphs/{name}.onnx")).is_file());
    }
    let apart = read(&folder.join("apart.json"))["apart"].clone();
    let outputs: Vec<&String> = apart.as_object().unwrap().keys().collect();
    let heads = [
        "logits",
        "masks",
        "objectness",
        "offsets",
        "proposal_offsets",
    ];
    assert_eq!(outputs[..5], heads);
    assert_eq!(outputs.len(), 9);
}

#[test]
fn objects_that_cannot_be_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    pictures(folder);
    fs::write(folder.join("d.toml"), DETECT).unwrap();
    let coco = folder.join("held/coco.json");
    let whole = read(&coco);
    let check = |annotation: Value, settings: &[&str], code: i32, part: &str| {
        let mut records = whole.clone();
        records["annotations"][3] = annotation;
        fs::write(&coco, records.to_string()).unwrap();
        let finetune = [
            "finetune",
            "--config",
            "d.toml",
            "--threads",
            "1",
            "--steps",
            "1",
            "--overwrite",
            "--out",
            "run",
        ];
        let output = scarce(folder, &[&finetune[..], settings].concat());
        let log = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{log}");
        assert!(log.contains(part), "{log} lacks {part}");
    };
    let of =
        |key: &str, value: Value| json!({"id": 4, "image_id": 17, "category_id": 1, key: value});
    let box_of = |width: f64| of("bbox", json!([3.0, 4.0, width, 9.0]));
    check(box_of(8.0), &[], 3, "annotation 4 has no outline");
    let boxes = ["--set", "method.network.regions.masks=false"];
    check(box_of(8.0), &boxes, 0, "final loss");
    check(box_of(0.0), &boxes, 3, "object 2 has no pixel on the image");
    let beside = polygon([60, 4, 9]);
    check(of("segmentation", json!([beside])), &[], 3, "17.png");
    // Cut off at the border, and a group that nothing is learned from.
    check(
        of("segmentation", json!([polygon([40, 30, 20])])),
        &[],
        0,
        "final loss",
    );
    let mut group = box_of(30.0);
    group["iscrowd"] = json!(1);
    check(group, &boxes, 0, "final loss");
}
