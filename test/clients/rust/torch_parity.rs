//! An engine in Rust, which `torch-parity verify --engine-command ./my-port` judges. One file to copy, without dependencies:
//! `mod torch_parity;`, and `serve("my port", supports, run)` in `main`, before anything is printed. fixtures/README.md says
//! what is exchanged.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::panic::{catch_unwind, AssertUnwindSafe};

/// Tensors by torch's names.
pub type Tensors = BTreeMap<String, Tensor>;

/// Numbers of any dtype, in C order: f64 holds each of them exactly.
#[derive(Clone, Debug)]
pub struct Tensor {
    pub dtype: String,
    pub shape: Vec<usize>,
    pub data: Vec<f64>,
}

impl Tensor {
    /// A tensor whose numbers are rounded to the dtype when it is sent.
    pub fn new(dtype: &str, shape: &[usize], data: impl IntoIterator<Item = f32>) -> Tensor {
        Tensor { dtype: dtype.into(), shape: shape.into(), data: data.into_iter().map(f64::from).collect() }
    }

    /// The numbers as f32: exact but for float64 and int64.
    pub fn f32(&self) -> Vec<f32> {
        self.data.iter().map(|&x| x as f32).collect()
    }
}

/// What an engine is asked; names and shapes are torch's.
pub struct Request {
    /// The torch class, and its constructor arguments.
    pub module: String,
    pub config: Value,
    pub dtype: String,
    pub params: Tensors,
    pub inputs: Tensors,
    /// The gradient of some loss by each output, where gradients are asked for as well.
    pub cotangents: Option<Tensors>,
    /// An optimizer, where its steps are asked for instead of one run; else Nil.
    pub training: Value,
}

/// Answers on standard input and output until there are no more questions; what is printed goes to standard error.
/// supports: the error says why a request is not for this engine. run: tensors by torch's names.
pub fn serve(
    name: &str,
    supports: impl Fn(&Request) -> Result<(), String>,
    run: impl Fn(&Request) -> Result<Tensors, String>,
) -> io::Result<()> {
    let mut answers = own_stdout();
    let mut questions = io::stdin().lock();
    let greeting = [("protocol", Value::Int(1)), ("name", Value::Text(name.into())), ("supports", Value::Bool(true))];
    send(&mut answers, map(greeting))?;
    let mut head = [0; 4];
    while questions.read_exact(&mut head).is_ok() {
        let mut body = vec![0; u32::from_le_bytes(head) as usize];
        questions.read_exact(&mut body)?;
        let question = Reader(&body).value()?;
        let answer = catch_unwind(AssertUnwindSafe(|| {
            let request = request_of(question.get("request"))?;
            if question.get("about").text() == "run" {
                return Ok(Value::Map(run(&request)?.into_iter().map(|(name, own)| (name, record_of(own))).collect()));
            }
            Ok(supports(&request).map_or_else(Value::Text, |()| Value::Bool(true)))
        }));
        let answer = answer.unwrap_or_else(|_| Err("it panicked".into()));
        let said = answer.map_or_else(|why: String| ("error", Value::Text(why)), |value| ("value", value));
        send(&mut answers, map([("ask", question.get("ask").clone()), said]))?;
    }
    Ok(())
}

fn send(answers: &mut impl Write, message: Value) -> io::Result<()> {
    let mut frame = vec![0; 4];
    write(&message, &mut frame);
    let length = frame.len() as u32 - 4;
    frame[..4].copy_from_slice(&length.to_le_bytes());
    answers.write_all(&frame)?;
    answers.flush()
}

/// Standard output for frames alone: what is printed to it goes to standard error.
#[cfg(unix)]
fn own_stdout() -> impl Write {
    use std::os::fd::FromRawFd;
    extern "C" {
        fn dup(fd: i32) -> i32;
        fn dup2(from: i32, to: i32) -> i32;
    }
    unsafe {
        let frames = dup(1);
        dup2(2, 1);
        std::fs::File::from_raw_fd(frames)
    }
}

#[cfg(not(unix))]
use io::stdout as own_stdout;

fn request_of(record: &Value) -> Result<Request, String> {
    let tensors = |name: &str| -> Result<Tensors, String> {
        record.get(name).entries().iter().map(|(key, own)| Ok((key.clone(), tensor_of(own)?))).collect()
    };
    Ok(Request {
        module: record.get("module").text().into(),
        config: record.get("config").clone(),
        dtype: record.get("dtype").text().into(),
        params: tensors("params")?,
        inputs: tensors("inputs")?,
        cotangents: if let Value::Nil = record.get("cotangents") { None } else { Some(tensors("cotangents")?) },
        training: record.get("training").clone(),
    })
}

fn tensor_of(record: &Value) -> Result<Tensor, String> {
    let (dtype, bytes) = (record.get("dtype").text().to_string(), record.get("data").bytes());
    let data = match dtype.as_str() {
        "float64" => bytes.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect(),
        "float32" => bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap()) as f64).collect(),
        "int64" => bytes.chunks_exact(8).map(|b| i64::from_le_bytes(b.try_into().unwrap()) as f64).collect(),
        "float16" => bytes.chunks_exact(2).map(|b| from_f16(u16::from_le_bytes([b[0], b[1]]))).collect(),
        "bfloat16" => bytes.chunks_exact(2).map(|b| f32::from_le_bytes([0, 0, b[0], b[1]]) as f64).collect(),
        _ => return Err(format!("expected a dtype of a fixture, got {dtype}")),
    };
    Ok(Tensor { dtype, shape: record.get("shape").list().iter().map(Value::usize).collect(), data })
}

fn record_of(Tensor { dtype, shape, data }: Tensor) -> Value {
    let bytes: Vec<u8> = match dtype.as_str() {
        "float64" => data.iter().flat_map(|x| x.to_le_bytes()).collect(),
        "float16" => data.iter().flat_map(|&x| to_f16(x).to_le_bytes()).collect(),
        "bfloat16" => data.iter().flat_map(|&x| to_bf16(x as f32).to_le_bytes()).collect(),
        _ => data.iter().flat_map(|&x| (x as f32).to_le_bytes()).collect(),
    };
    let shape = shape.into_iter().map(|size| Value::Int(size as i64)).collect();
    map([("dtype", Value::Text(dtype)), ("shape", Value::List(shape)), ("data", Value::Bin(bytes))])
}

/// Source: IEEE 754, binary16; to nearest, ties to even.
fn to_f16(x: f64) -> u16 {
    let (sign, size) = (if x.is_sign_negative() { 0x8000 } else { 0 }, x.abs());
    if x.is_nan() {
        return 0x7e00;
    }
    if size >= 65520.0 {
        return sign | 0x7c00;
    }
    let exponent = (((size.to_bits() >> 52) as i32) - 1023).max(-14);
    let units = (size * 2f64.powi(10 - exponent)).round_ties_even() as i32;
    sign + (((exponent + 14) << 10) + units) as u16
}

fn from_f16(bits: u16) -> f64 {
    let (sign, exponent, fraction) =
        (if bits >> 15 == 1 { -1.0 } else { 1.0 }, bits >> 10 & 31, f64::from(bits & 1023));
    match exponent {
        31 if fraction != 0.0 => f64::NAN,
        31 => sign * f64::INFINITY,
        0 => sign * fraction * 2f64.powi(-24),
        _ => sign * (1024.0 + fraction) * 2f64.powi(i32::from(exponent) - 25),
    }
}

fn to_bf16(x: f32) -> u16 {
    let bits = if x.is_nan() { 0x7fc0_0000 } else { x.to_bits() };
    ((bits + 0x7fff + (bits >> 16 & 1)) >> 16) as u16
}

/// A value of MessagePack.
#[derive(Clone, Debug)]
pub enum Value {
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    Bin(Vec<u8>),
    List(Vec<Value>),
    Map(Vec<(String, Value)>),
}

impl Value {
    /// What a map has under a key; Nil where it has nothing.
    pub fn get(&self, key: &str) -> &Value {
        self.entries().iter().find(|(own, _)| own == key).map_or(&Value::Nil, |(_, value)| value)
    }
    pub fn entries(&self) -> &[(String, Value)] {
        let Value::Map(own) = self else { return &[] };
        own
    }
    pub fn list(&self) -> &[Value] {
        let Value::List(own) = self else { return &[] };
        own
    }
    pub fn bytes(&self) -> &[u8] {
        let Value::Bin(own) = self else { return &[] };
        own
    }
    pub fn text(&self) -> &str {
        let Value::Text(own) = self else { return "" };
        own
    }
    pub fn bool(&self) -> bool {
        matches!(self, Value::Bool(true))
    }
    pub fn f64(&self) -> f64 {
        match self {
            Value::Float(x) => *x,
            Value::Int(x) => *x as f64,
            _ => 0.0,
        }
    }
    pub fn usize(&self) -> usize {
        self.f64() as usize
    }
}

fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Map(entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
}

/// What is left of a message. Source: the MessagePack specification, "Formats".
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> io::Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(io::ErrorKind::UnexpectedEof)?;
        self.0 = rest;
        Ok(taken)
    }
    fn number(&mut self, bytes: usize) -> io::Result<u64> {
        Ok(self.take(bytes)?.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }
    fn value(&mut self) -> io::Result<Value> {
        let kind = self.number(1)? as u8;
        Ok(match kind {
            0..=0x7f => Value::Int(i64::from(kind)),
            0x80..=0x8f => self.map(usize::from(kind & 15))?,
            0x90..=0x9f => self.list(usize::from(kind & 15))?,
            0xa0..=0xbf => self.string(usize::from(kind & 31))?,
            0xc0 => Value::Nil,
            0xc2 | 0xc3 => Value::Bool(kind == 0xc3),
            0xc4..=0xc6 => self.number(1 << (kind - 0xc4)).and_then(|length| self.bin(length as usize))?,
            0xca => Value::Float(f64::from(f32::from_bits(self.number(4)? as u32))),
            0xcb => Value::Float(f64::from_bits(self.number(8)?)),
            0xcc..=0xcf => Value::Int(self.number(1 << (kind - 0xcc))? as i64),
            0xd0..=0xd3 => {
                let unused = 64 - (8 << (kind - 0xd0));
                Value::Int((self.number(1 << (kind - 0xd0))? << unused) as i64 >> unused)
            }
            0xd9..=0xdb => self.number(1 << (kind - 0xd9)).and_then(|length| self.string(length as usize))?,
            0xdc | 0xdd => self.number(2 << (kind - 0xdc)).and_then(|length| self.list(length as usize))?,
            0xde | 0xdf => self.number(2 << (kind - 0xde)).and_then(|length| self.map(length as usize))?,
            0xe0..=0xff => Value::Int(i64::from(kind as i8)),
            _ => return Err(io::ErrorKind::InvalidData.into()),
        })
    }
    fn bin(&mut self, length: usize) -> io::Result<Value> {
        Ok(Value::Bin(self.take(length)?.into()))
    }
    fn string(&mut self, length: usize) -> io::Result<Value> {
        Ok(Value::Text(String::from_utf8_lossy(self.take(length)?).into()))
    }
    fn list(&mut self, length: usize) -> io::Result<Value> {
        (0..length).map(|_| self.value()).collect::<io::Result<_>>().map(Value::List)
    }
    fn map(&mut self, length: usize) -> io::Result<Value> {
        (0..length).map(|_| Ok((self.value()?.text().into(), self.value()?))).collect::<io::Result<_>>().map(Value::Map)
    }
}

fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Nil => out.push(0xc0),
        Value::Bool(own) => out.push(if *own { 0xc3 } else { 0xc2 }),
        Value::Int(own) => out.extend([0xd3].iter().chain(&own.to_be_bytes())),
        Value::Float(own) => out.extend([0xcb].iter().chain(&own.to_be_bytes())),
        Value::Text(own) => put(out, 0xdb, own.len(), own.as_bytes()),
        Value::Bin(own) => put(out, 0xc6, own.len(), own),
        Value::List(own) => {
            put(out, 0xdd, own.len(), &[]);
            own.iter().for_each(|each| write(each, out));
        }
        Value::Map(own) => {
            put(out, 0xdf, own.len(), &[]);
            own.iter().for_each(|(key, each)| {
                [&Value::Text(key.clone()), each].into_iter().for_each(|part| write(part, out))
            });
        }
    }
}

fn put(out: &mut Vec<u8>, kind: u8, length: usize, bytes: &[u8]) {
    out.extend([kind].iter().chain(&(length as u32).to_be_bytes()));
    out.extend(bytes);
}
