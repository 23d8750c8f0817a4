//! torch.nn.LSTM forward, in float32: several layers, one direction, as an engine for --engine-command.
//! rustc -O lstm.rs, or as a crate of its own.
mod torch_parity;

use torch_parity::{serve, Request, Tensor, Tensors};

fn supports(request: &Request) -> Result<(), String> {
    let Request { module, config, dtype, inputs, cotangents, training, .. } = request;
    let is_plain = !config.get("bidirectional").bool() && config.get("proj_size").usize() == 0;
    let is_forward = cotangents.is_none() && training.entries().is_empty();
    let is_whole = ["lengths", "dropout_mask"].iter().all(|name| !inputs.contains_key(*name));
    if module == "LSTM" && dtype == "float32" && is_plain && is_forward && is_whole {
        return Ok(());
    }
    Err("LSTM of one direction in float32, forward, without proj_size, lengths and dropout".into())
}

/// out[j] += weight[j][i] * x[i]
fn add_product(out: &mut [f32], weight: &[f32], x: &[f32]) {
    for (sum, row) in out.iter_mut().zip(weight.chunks_exact(x.len())) {
        *sum += row.iter().zip(x).map(|(w, x)| w * x).sum::<f32>();
    }
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

fn run(request: &Request) -> Result<Tensors, String> {
    let (input, config, hidden_size) =
        (&request.inputs["input"], &request.config, request.config.get("hidden_size").usize());
    let (layers, is_batched) = (config.get("num_layers").usize(), input.shape.len() == 3);
    let batch_first = is_batched && config.get("batch_first").bool();
    let (time_axis, batch_axis) = if batch_first { (1, 0) } else { (0, 1) };
    let (seq_len, batch) = (input.shape[time_axis], if is_batched { input.shape[batch_axis] } else { 1 });
    let place = |t: usize, b: usize| if batch_first { b * seq_len + t } else { t * batch + b };
    let state = |name: &str| request.inputs.get(name).map_or(vec![0.0; layers * batch * hidden_size], Tensor::f32);
    let (mut h, mut c) = (state("h_0"), state("c_0"));
    let (mut x, mut size) = (input.f32(), input.shape[input.shape.len() - 1]);
    for layer in 0..layers {
        let param = |name: &str| request.params.get(&format!("{name}_l{layer}")).map(Tensor::f32);
        let (weight_ih, weight_hh) = (param("weight_ih").unwrap(), param("weight_hh").unwrap());
        let zeros = || vec![0.0; 4 * hidden_size];
        let (bias_ih, bias_hh) = (param("bias_ih").unwrap_or_else(zeros), param("bias_hh").unwrap_or_else(zeros));
        let mut output = vec![0.0; seq_len * batch * hidden_size];
        for (t, b) in (0..seq_len).flat_map(|t| (0..batch).map(move |b| (t, b))) {
            let own = (layer * batch + b) * hidden_size..(layer * batch + b + 1) * hidden_size;
            let (h, c) = (&mut h[own.clone()], &mut c[own]);
            let mut gates: Vec<f32> = bias_ih.iter().zip(&bias_hh).map(|(ih, hh)| ih + hh).collect();
            add_product(&mut gates, &weight_ih, &x[place(t, b) * size..][..size]);
            add_product(&mut gates, &weight_hh, h);
            for unit in 0..hidden_size {
                let [i, f, g, o] = [0, 1, 2, 3].map(|gate| gates[gate * hidden_size + unit]);
                c[unit] = sigmoid(f) * c[unit] + sigmoid(i) * g.tanh();
                h[unit] = sigmoid(o) * c[unit].tanh();
            }
            output[place(t, b) * hidden_size..][..hidden_size].copy_from_slice(h);
        }
        (x, size) = (output, hidden_size);
    }
    let shaped = |sizes: &[usize]| if is_batched { sizes.to_vec() } else { vec![sizes[0], sizes[2]] };
    let outer = if batch_first { [batch, seq_len, hidden_size] } else { [seq_len, batch, hidden_size] };
    let states = shaped(&[layers, batch, hidden_size]);
    Ok(Tensors::from([
        ("output".into(), Tensor::new("float32", &shaped(&outer), x)),
        ("h_n".into(), Tensor::new("float32", &states, h)),
        ("c_n".into(), Tensor::new("float32", &states, c)),
    ]))
}

fn main() -> std::io::Result<()> {
    serve("rust", supports, run)
}
