// torch.nn.LSTM forward, in float32: several layers, one direction, as an engine for --engine-command.
// g++ -std=c++17 -O2 -ffp-contract=off lstm.cpp -o lstm
#include "torch_parity.hpp"

using namespace torch_parity;
using Floats = std::vector<float>;

std::string supports(const Request& request) {
  const auto& [module, config, dtype, params, inputs, cotangents, has_cotangents, training] = request;
  const bool is_plain = !config.get("bidirectional").boolean() && config.get("proj_size").size() == 0;
  const bool is_whole = inputs.count("lengths") == 0 && inputs.count("dropout_mask") == 0;
  const bool is_forward = !has_cotangents && training.is_nil();
  if (module == "LSTM" && dtype == "float32" && is_plain && is_whole && is_forward) return "";
  return "LSTM of one direction in float32, forward, without proj_size, lengths and dropout";
}

/// out[j] += weight[j][i] * x[i]
void add_product(Floats& out, const Floats& weight, const float* x) {
  const size_t columns = weight.size() / out.size();
  for (size_t j = 0; j < out.size(); j++) {
    float sum = 0;
    for (size_t i = 0; i < columns; i++) sum += weight[j * columns + i] * x[i];
    out[j] += sum;
  }
}

float sigmoid(float x) { return 1 / (1 + std::exp(-x)); }

Tensors run(const Request& request) {
  const Tensor& input = request.inputs.at("input");
  const size_t H = request.config.get("hidden_size").size(), layers = request.config.get("num_layers").size();
  const bool is_batched = input.shape.size() == 3, batch_first = is_batched && request.config.get("batch_first").boolean();
  const size_t seq_len = input.shape[batch_first], batch = is_batched ? input.shape[!batch_first] : 1;
  const auto place = [&](size_t t, size_t b) { return batch_first ? b * seq_len + t : t * batch + b; };
  const auto floats = [](const Tensors& all, const std::string& name, size_t count) {
    return all.count(name) ? all.at(name).f32() : Floats(count);
  };
  Floats h = floats(request.inputs, "h_0", layers * batch * H), c = floats(request.inputs, "c_0", layers * batch * H);
  Floats x = input.f32();
  size_t size = input.shape.back();
  for (size_t layer = 0; layer < layers; layer++) {
    const auto param = [&](const std::string& name) {
      return floats(request.params, name + "_l" + std::to_string(layer), 4 * H);
    };
    const Floats weight_ih = param("weight_ih"), weight_hh = param("weight_hh");
    const Floats bias_ih = param("bias_ih"), bias_hh = param("bias_hh");
    Floats output(seq_len * batch * H);
    for (size_t t = 0; t < seq_len; t++) {
      for (size_t b = 0; b < batch; b++) {
        float *own_h = &h[(layer * batch + b) * H], *own_c = &c[(layer * batch + b) * H];
        Floats gates(4 * H);
        for (size_t j = 0; j < 4 * H; j++) gates[j] = bias_ih[j] + bias_hh[j];
        add_product(gates, weight_ih, &x[place(t, b) * size]);
        add_product(gates, weight_hh, own_h);
        for (size_t unit = 0; unit < H; unit++) {
          const float i = gates[unit], f = gates[H + unit], g = gates[2 * H + unit], o = gates[3 * H + unit];
          own_c[unit] = sigmoid(f) * own_c[unit] + sigmoid(i) * std::tanh(g);
          own_h[unit] = sigmoid(o) * std::tanh(own_c[unit]);
        }
        std::copy(own_h, own_h + H, &output[place(t, b) * H]);
      }
    }
    x = output;
    size = H;
  }
  const auto shaped = [&](size_t one, size_t two) {
    return is_batched ? std::vector<size_t>{one, two, H} : std::vector<size_t>{one, H};
  };
  const auto outer = batch_first ? shaped(batch, seq_len) : shaped(seq_len, batch);
  const auto tensor = [](std::vector<size_t> shape, const Floats& own) {
    return Tensor{"float32", std::move(shape), {own.begin(), own.end()}};
  };
  return {{"output", tensor(outer, x)}, {"h_n", tensor(shaped(layers, batch), h)}, {"c_n", tensor(shaped(layers, batch), c)}};
}

int main() { return serve("c++", supports, run); }
