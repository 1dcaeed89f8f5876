//! The few fields of TensorBoard's `event.proto` and `summary.proto` that we write.

use prost::Message;

/// What every event file begins with; readers look for the 2.
const FILE_VERSION: &str = "brain.Event:2";
/// `SessionLog.SessionStatus.START`: readers forget events of its step and later.
const START: i32 = 1;
/// `Summary.Image.colorspace` of three channels; PNG decoders go by the file itself.
const RGB: i32 = 3;

/// `tensorboard.Event`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Event {
    #[prost(double, tag = "1")]
    pub wall_time: f64,
    #[prost(int64, tag = "2")]
    pub step: i64,
    #[prost(string, optional, tag = "3")]
    pub file_version: Option<String>,
    #[prost(message, optional, tag = "5")]
    pub summary: Option<Summary>,
    #[prost(message, optional, tag = "7")]
    pub session_log: Option<SessionLog>,
}

/// `tensorboard.Summary`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Summary {
    #[prost(message, repeated, tag = "1")]
    pub value: Vec<Value>,
}

/// `tensorboard.Summary.Value`.
#[expect(clippy::struct_field_names, reason = "the names are TensorBoard's")]
#[derive(Clone, PartialEq, Message)]
pub(super) struct Value {
    #[prost(string, tag = "1")]
    pub tag: String,
    #[prost(float, optional, tag = "2")]
    pub simple_value: Option<f32>,
    #[prost(message, optional, tag = "4")]
    pub image: Option<Image>,
}

/// `tensorboard.Summary.Image`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Image {
    #[prost(int32, tag = "1")]
    pub height: i32,
    #[prost(int32, tag = "2")]
    pub width: i32,
    #[prost(int32, tag = "3")]
    pub colorspace: i32,
    #[prost(bytes = "vec", tag = "4")]
    pub encoded_image_string: Vec<u8>,
}

/// `tensorboard.SessionLog`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct SessionLog {
    #[prost(int32, tag = "1")]
    pub status: i32,
}

impl Event {
    pub fn version(wall_time: f64) -> Self {
        Self {
            wall_time,
            file_version: Some(FILE_VERSION.to_owned()),
            ..Self::default()
        }
    }

    pub fn restart(wall_time: f64, step: u64) -> Self {
        Self {
            wall_time,
            step: step as i64,
            session_log: Some(SessionLog { status: START }),
            ..Self::default()
        }
    }

    pub fn scalars(wall_time: f64, step: u64, figures: &[(String, f64)]) -> Self {
        let value = |(tag, value): &(String, f64)| Value {
            tag: tag.clone(),
            simple_value: Some(*value as f32),
            ..Value::default()
        };
        Self::of_values(wall_time, step, figures.iter().map(value).collect())
    }

    pub fn png(
        wall_time: f64,
        step: u64,
        tag: &str,
        [height, width]: [usize; 2],
        png: &[u8],
    ) -> Self {
        let value = Value {
            tag: tag.to_owned(),
            image: Some(Image {
                height: height as i32,
                width: width as i32,
                colorspace: RGB,
                encoded_image_string: png.to_vec(),
            }),
            ..Value::default()
        };
        Self::of_values(wall_time, step, vec![value])
    }

    /// Whether it belongs to its step, as the head of a file does not.
    pub fn has_figures(&self) -> bool {
        self.summary.is_some()
    }

    fn of_values(wall_time: f64, step: u64, value: Vec<Value>) -> Self {
        Self {
            wall_time,
            step: step as i64,
            summary: Some(Summary { value }),
            ..Self::default()
        }
    }
}
