// An engine in C++17, which `torch-parity verify --engine-command ./my-port` judges. Whole although it is long: one file to copy, without dependencies:
// #include "torch_parity.hpp", and torch_parity::serve("my port", supports, run) in main, before anything is printed.
// fixtures/README.md says what is exchanged.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>
#ifdef _WIN32
#include <fcntl.h>
#include <io.h>
#else
#include <unistd.h>
#endif

namespace torch_parity {

/// A value of MessagePack.
struct Value {
  enum Kind { Nil, Bool, Int, Float, Text, Bin, List, Map } kind = Nil;
  int64_t integer = 0;
  double number = 0;
  /// Of a text, or the bytes of a bin.
  std::string bytes;
  /// Of a list; of a map each value by its key in `keys`.
  std::vector<Value> items;
  std::vector<std::string> keys;

  static Value text(std::string own) { Value v; v.kind = Text; v.bytes = std::move(own); return v; }
  static Value whole(int64_t own) { Value v; v.kind = Int; v.integer = own; return v; }
  static Value flag(bool own) { Value v; v.kind = Bool; v.integer = own; return v; }
  static Value map() { Value v; v.kind = Map; return v; }

  void set(const std::string& key, Value own) { keys.push_back(key); items.push_back(std::move(own)); }
  /// What a map has under a key; Nil where it has nothing.
  const Value& get(const std::string& key) const {
    static const Value nothing;
    for (size_t i = 0; i < keys.size(); i++) if (keys[i] == key) return items[i];
    return nothing;
  }
  bool is_nil() const { return kind == Nil; }
  bool boolean() const { return kind == Bool && integer != 0; }
  double f64() const { return kind == Float ? number : static_cast<double>(integer); }
  size_t size() const { return static_cast<size_t>(f64()); }
};

/// Numbers of any dtype, in C order: double holds each of them exactly.
struct Tensor {
  std::string dtype;
  std::vector<size_t> shape;
  std::vector<double> data;

  /// The numbers as float: exact but for float64 and int64.
  std::vector<float> f32() const { return {data.begin(), data.end()}; }
};

/// Tensors by torch's names.
using Tensors = std::map<std::string, Tensor>;

/// What an engine is asked; names and shapes are torch's.
struct Request {
  /// The torch class, and its constructor arguments.
  std::string module;
  Value config;
  std::string dtype;
  Tensors params, inputs;
  /// The gradient of some loss by each output, where gradients are asked for as well.
  Tensors cotangents;
  bool has_cotangents = false;
  /// An optimizer, where its steps are asked for instead of one run; else Nil.
  Value training;
};

namespace detail {

/// What is left of a message. Source: the MessagePack specification, "Formats".
class Reader {
 public:
  explicit Reader(const std::string& own) : bytes(own) {}

  Value value(int depth = 0) {
    if (depth > 32) throw std::runtime_error("expected values at most 32 deep");
    const auto kind = static_cast<uint8_t>(number(1));
    if (kind <= 0x7f) return Value::whole(kind);
    if (kind >= 0xe0) return Value::whole(static_cast<int8_t>(kind));
    if (kind <= 0x8f) return map(kind & 15, depth);
    if (kind <= 0x9f) return list(kind & 15, depth);
    if (kind <= 0xbf) return Value::text(take(kind & 31));
    switch (kind) {
      case 0xc0: return {};
      case 0xc2: case 0xc3: return Value::flag(kind == 0xc3);
      case 0xc4: case 0xc5: case 0xc6: { Value v; v.kind = Value::Bin; v.bytes = take(number(1u << (kind - 0xc4))); return v; }
      case 0xca: { auto bits = static_cast<uint32_t>(number(4)); float own; std::memcpy(&own, &bits, 4); return real(own); }
      case 0xcb: { auto bits = number(8); double own; std::memcpy(&own, &bits, 8); return real(own); }
      case 0xcc: case 0xcd: case 0xce: case 0xcf: return Value::whole(static_cast<int64_t>(number(1u << (kind - 0xcc))));
      case 0xd0: return Value::whole(static_cast<int8_t>(number(1)));
      case 0xd1: return Value::whole(static_cast<int16_t>(number(2)));
      case 0xd2: return Value::whole(static_cast<int32_t>(number(4)));
      case 0xd3: return Value::whole(static_cast<int64_t>(number(8)));
      case 0xd9: case 0xda: case 0xdb: return Value::text(take(number(1u << (kind - 0xd9))));
      case 0xdc: case 0xdd: return list(number(2u << (kind - 0xdc)), depth);
      case 0xde: case 0xdf: return map(number(2u << (kind - 0xde)), depth);
      default: throw std::runtime_error("expected MessagePack without extensions");
    }
  }

 private:
  std::string take(uint64_t length) {
    if (length > bytes.size() - at) throw std::runtime_error("expected a whole message, got a part of one");
    at += length;
    return bytes.substr(at - length, length);
  }
  uint64_t number(unsigned length) {
    uint64_t all = 0;
    for (unsigned char byte : take(length)) all = all << 8 | byte;
    return all;
  }
  static Value real(double own) { Value v; v.kind = Value::Float; v.number = own; return v; }
  Value list(uint64_t length, int depth) {
    Value v;
    v.kind = Value::List;
    while (length-- > 0) v.items.push_back(value(depth + 1));
    return v;
  }
  Value map(uint64_t length, int depth) {
    Value v = Value::map();
    while (length-- > 0) {
      const std::string key = value(depth + 1).bytes;
      v.set(key, value(depth + 1));
    }
    return v;
  }

  const std::string& bytes;
  size_t at = 0;
};

inline void put(std::string& out, uint8_t kind, uint64_t own, int length) {
  out.push_back(static_cast<char>(kind));
  for (int byte = length - 1; byte >= 0; byte--) out.push_back(static_cast<char>(own >> (8 * byte)));
}

inline void write(std::string& out, const Value& own) {
  uint64_t bits = 0;
  switch (own.kind) {
    case Value::Nil: return put(out, 0xc0, 0, 0);
    case Value::Bool: return put(out, own.boolean() ? 0xc3 : 0xc2, 0, 0);
    case Value::Int: return put(out, 0xd3, static_cast<uint64_t>(own.integer), 8);
    case Value::Float: std::memcpy(&bits, &own.number, 8); return put(out, 0xcb, bits, 8);
    case Value::Text: put(out, 0xdb, own.bytes.size(), 4); out += own.bytes; return;
    case Value::Bin: put(out, 0xc6, own.bytes.size(), 4); out += own.bytes; return;
    case Value::List: put(out, 0xdd, own.items.size(), 4); for (const auto& each : own.items) write(out, each); return;
    case Value::Map:
      put(out, 0xdf, own.items.size(), 4);
      for (size_t i = 0; i < own.items.size(); i++) { write(out, Value::text(own.keys[i])); write(out, own.items[i]); }
  }
}

/// Bytes of one number; 0 for a dtype that is none of a fixture's.
inline size_t item_size(const std::string& dtype) {
  if (dtype == "float16" || dtype == "bfloat16") return 2;
  return dtype == "float32" ? 4 : dtype == "float64" || dtype == "int64" ? 8 : 0;
}

inline double from_f16(uint16_t bits) {
  const double sign = bits >> 15 ? -1 : 1, fraction = bits & 1023;
  const int exponent = bits >> 10 & 31;
  if (exponent == 31) return fraction != 0 ? NAN : sign * INFINITY;
  return exponent == 0 ? sign * std::ldexp(fraction, -24) : sign * std::ldexp(1024 + fraction, exponent - 25);
}

/// Source: IEEE 754, binary16; to nearest, ties to even, as nearbyint rounds unless somebody has changed it.
inline uint16_t to_f16(double x) {
  const uint16_t sign = std::signbit(x) ? 0x8000 : 0;
  const double size = std::fabs(x);
  if (std::isnan(x)) return 0x7e00;
  if (size >= 65520) return sign | 0x7c00;
  const int exponent = size == 0 ? -14 : std::max(std::ilogb(size), -14);
  const auto units = static_cast<int>(std::nearbyint(std::ldexp(size, 10 - exponent)));
  return static_cast<uint16_t>(sign + ((exponent + 14) << 10) + units);
}

/// Numbers are in the order of their lowest byte first, whatever the machine has.
inline uint64_t bits_at(const std::string& bytes, size_t at, size_t size) {
  uint64_t all = 0;
  for (size_t i = size; i-- > 0;) all = all << 8 | static_cast<unsigned char>(bytes[at + i]);
  return all;
}

inline double number_of(const std::string& dtype, uint64_t bits) {
  if (dtype == "float16") return from_f16(static_cast<uint16_t>(bits));
  if (dtype == "int64") return static_cast<double>(static_cast<int64_t>(bits));
  if (dtype == "float64") { double own; std::memcpy(&own, &bits, 8); return own; }
  const auto word = static_cast<uint32_t>(dtype == "bfloat16" ? bits << 16 : bits);
  float own;
  std::memcpy(&own, &word, 4);
  return own;
}

inline uint64_t bits_of(const std::string& dtype, double x) {
  if (dtype == "float16") return to_f16(x);
  if (dtype == "int64") return static_cast<uint64_t>(static_cast<int64_t>(x));
  uint64_t bits = 0;
  if (dtype == "float64") { std::memcpy(&bits, &x, 8); return bits; }
  const auto narrow = static_cast<float>(x);
  uint32_t word;
  std::memcpy(&word, &narrow, 4);
  if (dtype != "bfloat16") return word;
  if (std::isnan(narrow)) return 0x7fc0;
  return (word + 0x7fff + (word >> 16 & 1)) >> 16;
}

inline Tensor tensor_of(const Value& record) {
  Tensor own{record.get("dtype").bytes, {}, {}};
  for (const auto& size : record.get("shape").items) own.shape.push_back(size.size());
  const size_t size = item_size(own.dtype);
  if (size == 0) throw std::runtime_error("expected a dtype of a fixture, got " + own.dtype);
  const std::string& bytes = record.get("data").bytes;
  for (size_t at = 0; at + size <= bytes.size(); at += size) own.data.push_back(number_of(own.dtype, bits_at(bytes, at, size)));
  return own;
}

inline Value record_of(const Tensor& own) {
  Value record = Value::map(), shape, data;
  shape.kind = Value::List;
  for (size_t size : own.shape) shape.items.push_back(Value::whole(static_cast<int64_t>(size)));
  data.kind = Value::Bin;
  const size_t size = item_size(own.dtype);
  if (size == 0) throw std::runtime_error("expected a tensor of a fixture's dtype, got " + own.dtype);
  for (double x : own.data) {
    const uint64_t bits = bits_of(own.dtype, x);
    for (size_t i = 0; i < size; i++) data.bytes.push_back(static_cast<char>(bits >> (8 * i)));
  }
  record.set("dtype", Value::text(own.dtype));
  record.set("shape", std::move(shape));
  record.set("data", std::move(data));
  return record;
}

inline Tensors tensors_of(const Value& record) {
  Tensors all;
  for (size_t i = 0; i < record.keys.size(); i++) all[record.keys[i]] = tensor_of(record.items[i]);
  return all;
}

inline Request request_of(const Value& record) {
  const Value& cotangents = record.get("cotangents");
  return {record.get("module").bytes, record.get("config"), record.get("dtype").bytes, tensors_of(record.get("params")),
          tensors_of(record.get("inputs")), tensors_of(cotangents), !cotangents.is_nil(), record.get("training")};
}

/// Standard output for frames alone: what is printed to it goes to standard error.
inline std::FILE* own_stdout() {
#ifdef _WIN32
  const int frames = _dup(1);
  _dup2(2, 1);
  _setmode(frames, _O_BINARY);
  _setmode(0, _O_BINARY);
  return _fdopen(frames, "wb");
#else
  const int frames = dup(1);
  dup2(2, 1);
  return fdopen(frames, "wb");
#endif
}

inline void send(std::FILE* answers, const Value& message) {
  std::string frame(4, '\0');
  write(frame, message);
  for (int i = 0; i < 4; i++) frame[i] = static_cast<char>((frame.size() - 4) >> (8 * i));
  std::fwrite(frame.data(), 1, frame.size(), answers);
  std::fflush(answers);
}

/// → whether there were so many bytes
inline bool receive(std::string& bytes, size_t length) {
  bytes.resize(length);
  return std::fread(&bytes[0], 1, length, stdin) == length;
}

}  // namespace detail

/**
 * Answers on standard input and output until there are no more questions; what is printed goes to standard error.
 * supports: why a request is not for this engine; empty where it is. run: tensors by torch's names; what it throws is the answer to
 * that request alone.
 */
inline int serve(const std::string& name, const std::function<std::string(const Request&)>& supports,
                 const std::function<Tensors(const Request&)>& run) {
  using namespace detail;
  std::FILE* answers = own_stdout();
  Value greeting = Value::map();
  greeting.set("protocol", Value::whole(1));
  greeting.set("name", Value::text(name));
  greeting.set("supports", Value::flag(true));
  send(answers, greeting);
  std::string head, body;
  while (receive(head, 4)) {
    if (!receive(body, bits_at(head, 0, 4))) return 1;
    const Value question = Reader(body).value();
    Value answer = Value::map();
    answer.set("ask", question.get("ask"));
    try {
      const Request request = request_of(question.get("request"));
      Value value;
      if (question.get("about").bytes == "run") {
        value = Value::map();
        for (const auto& each : run(request)) value.set(each.first, record_of(each.second));
      } else {
        const std::string why = supports(request);
        value = why.empty() ? Value::flag(true) : Value::text(why);
      }
      answer.set("value", std::move(value));
    } catch (const std::exception& error) {
      answer.set("error", Value::text(error.what()));
    }
    send(answers, answer);
  }
  return 0;
}

}  // namespace torch_parity
