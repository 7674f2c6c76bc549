// Runs the network, in a thread of its own, behind ONNX Runtime's code. An
// image is cut into tiles that overlap by the network's receptive radius, so
// that they join to what the whole image would have become.
"use strict";

const sessions = new Map();  // by the graph's name

onmessage = async ({data}) => {
  try {
    if (data.kind === "start") {
      ort.env.wasm.numThreads = 1;  // more need headers of a server
      // Made here: a page from disk and its worker do not share such URLs.
      const loader = new Blob([data.loader], {type: "text/javascript"});
      ort.env.wasm.wasmPaths = {mjs: URL.createObjectURL(loader)};
      ort.env.wasm.wasmBinary = data.wasm;
    } else {
      await upscale(data);
    }
  } catch (error) {
    postMessage({kind: "error", job: data.job, text: String(error)});
  }
};

async function upscale({job, name, graph, scale, margin, tile, width, height,
                        pixels}) {
  if (!sessions.has(name)) {
    sessions.set(name, await ort.InferenceSession.create(new Uint8Array(graph)));
  }
  const session = sessions.get(name);
  for (let top = 0; top < height; top += tile) {
    for (let left = 0; left < width; left += tile) {
      const part = {
        left, top,
        right: Math.min(left + tile, width),
        bottom: Math.min(top + tile, height),
      };
      // Within the image: beyond it is what the network pads with.
      const whole = {
        left: Math.max(0, left - margin),
        top: Math.max(0, top - margin),
        right: Math.min(part.right + margin, width),
        bottom: Math.min(part.bottom + margin, height),
      };
      const {sr} = await session.run({lr: input(pixels, width, whole)});
      const result = output(sr, part, whole, scale);
      const done = part.bottom * width
        - (part.bottom - top) * (width - part.right);
      postMessage({
        kind: "tile", job, pixels: result,
        left: scale * left,
        top: scale * top,
        width: scale * (part.right - left),
        height: scale * (part.bottom - top),
        share: part.right === width && part.bottom === height ? 1
          : Math.min(0.999, done / (width * height)),
      }, [result.buffer]);
      sr.dispose();
    }
  }
}

// RGBA bytes of a part, as a tensor [1, 3, height, width] in [0, 1].
function input(pixels, width, part) {
  const columns = part.right - part.left, rows = part.bottom - part.top;
  const values = new Float32Array(3 * rows * columns);
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      const from = 4 * ((part.top + y) * width + part.left + x);
      for (let c = 0; c < 3; c++) {
        values[(c * rows + y) * columns + x] = pixels[from + c] / 255;
      }
    }
  }
  return new ort.Tensor("float32", values, [1, 3, rows, columns]);
}

// RGBA bytes of the part, without the margin.
function output(sr, part, whole, scale) {
  const [, , rows, columns] = sr.dims;
  const width = scale * (part.right - part.left);
  const height = scale * (part.bottom - part.top);
  const left = scale * (part.left - whole.left);
  const top = scale * (part.top - whole.top);
  const pixels = new Uint8ClampedArray(4 * width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const to = 4 * (y * width + x);
      for (let c = 0; c < 3; c++) {
        const from = (c * rows + top + y) * columns + left + x;
        pixels[to + c] = Math.floor(255 * sr.data[from] + 0.5);
      }
      pixels[to + 3] = 255;
    }
  }
  return pixels;
}
