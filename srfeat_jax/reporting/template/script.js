"use strict";
document.documentElement.classList.add("js");

// Charts: values next to the pointer, or at the point chosen by arrow keys.
const SVG = "http://www.w3.org/2000/svg";

function svgElement(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) {
    element.setAttribute(key, value);
  }
  return element;
}

function setUpChart(figure) {
  const svg = figure.querySelector("svg");
  const cursor = svg.querySelector(".cursor");
  const readout = figure.querySelector(".readout");
  const series = JSON.parse(figure.querySelector("script").textContent);
  const lines = [...svg.querySelectorAll(".line")];
  series.forEach((each, i) => {
    const joined = lines[i].querySelector("polyline");
    each.places = joined
      ? joined.getAttribute("points").split(" ").map((point) => point.split(",").map(Number))
      : [...lines[i].querySelectorAll("circle")].map((mark) => [mark.cx.baseVal.value, mark.cy.baseVal.value]);
  });
  const isPlane = figure.parentElement.parentElement.classList.contains("wide");
  let chosen = null; // the place of the chosen point, in units of the SVG

  function shown() {
    return series.filter((_, i) => !lines[i].classList.contains("hidden"));
  }

  function nearest(each, x, y) {
    let best = 0, least = Infinity;
    each.places.forEach(([px, py], i) => {
      const distance = isPlane ? Math.hypot(px - x, py - y) : Math.abs(px - x);
      if (distance < least) [best, least] = [i, distance];
    });
    return [best, least];
  }

  function show(x, y) {
    let found = shown().map((each) => [each, ...nearest(each, x, y)]);
    // What all runs are compared with has a value at every step.
    const constants = isPlane ? [] : found.filter(([each]) => each.run < 0);
    if (constants.length < found.length) found = found.filter((each) => !constants.includes(each));
    cursor.replaceChildren();
    if (!found.length) return clear();
    found.sort((a, b) => a[2] - b[2]);
    const [first, index] = found[0];
    chosen = first.places[index];
    const near = isPlane ? found.slice(0, 1)
      : found.filter(([each, i]) => Math.abs(each.places[i][0] - chosen[0]) < 8);
    if (!isPlane) {
      cursor.append(svgElement("path", {d: `M${chosen[0]} 12V212`}));
    }
    for (const [each, i] of near) {
      const [cx, cy] = each.places[i];
      cursor.append(svgElement("circle", {cx, cy, r: 4}));
    }
    if (isPlane) {
      const label = first.labels[index];
      readout.textContent = `${first.name}${label && label !== first.name ? ` (${label})` : ""}: PSNR ${first.x[index]} dB, LPIPS ${first.y[index]}`;
    } else {
      const all = [...near, ...constants.filter((each) => !near.includes(each))];
      all.sort((a, b) => series.indexOf(a[0]) - series.indexOf(b[0]));
      readout.textContent = `step ${first.x[index]}: ` + all.map(([each, i]) => {
        const isElsewhere = each.run >= 0 && each.x[i] !== first.x[index];
        return `${each.name} ${each.y[i]}${isElsewhere ? ` (step ${each.x[i]})` : ""}`;
      }).join(", ");
    }
  }

  function clear() {
    cursor.replaceChildren();
    readout.textContent = "";
  }

  function follow(event) {
    const box = svg.getBoundingClientRect();
    show((event.clientX - box.left) / box.width * svg.viewBox.baseVal.width,
      (event.clientY - box.top) / box.height * svg.viewBox.baseVal.height);
  }

  svg.addEventListener("pointermove", follow);
  svg.addEventListener("pointerdown", follow);
  svg.addEventListener("pointerleave", clear);
  svg.addEventListener("blur", clear);
  svg.addEventListener("keydown", (event) => {
    const step = {ArrowLeft: -1, ArrowRight: 1}[event.key];
    const end = {Home: 0, End: -1}[event.key];
    if (step === undefined && end === undefined) return;
    event.preventDefault();
    const places = shown().flatMap((each) => each.places)
      .sort((a, b) => a[0] - b[0] || a[1] - b[1])
      .filter((place, i, all) => !i || place[0] !== all[i - 1][0] || (isPlane && place[1] !== all[i - 1][1]));
    if (!places.length) return;
    let i = places.findIndex((place) => chosen && place[0] === chosen[0] && (!isPlane || place[1] === chosen[1]));
    i = step === undefined ? (end + places.length) % places.length
      : Math.max(0, Math.min(places.length - 1, i + step));
    show(...places[i]);
  });
}

document.querySelectorAll(".chart").forEach(setUpChart);

document.querySelectorAll("button.key").forEach((button) => {
  button.addEventListener("click", () => {
    const isShown = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", isShown);
    document.querySelectorAll(`#curves .line[data-run="${button.dataset.run}"]`)
      .forEach((line) => line.classList.toggle("hidden", !isShown));
  });
});

// Sliders: the right version lies over the left one, clipped at the handle.
const MOST_ZOOM = 16;

function setUpViewer(figure) {
  const stage = figure.querySelector(".stage");
  const layer = stage.querySelector(".versions");
  const handle = stage.querySelector(".handle");
  const versions = [...stage.querySelectorAll(".version")];
  const [left, right] = [".left", ".right"].map((each) => figure.querySelector(each));
  const output = figure.querySelector("output");
  let border = 0.5; // of the width of the stage
  let zoom = 1, x = 0, y = 0; // the place of the image's corner, in pixels
  const pointers = new Map();
  let dragged = "";

  for (const select of [left, right]) {
    versions.forEach((each, i) => {
      select.add(new Option(each.querySelector("p").textContent, i));
    });
    select.addEventListener("change", draw);
  }
  left.value = figure.dataset.left;
  right.value = figure.dataset.right;

  function draw() {
    const {width, height} = stage.getBoundingClientRect();
    x = Math.min(0, Math.max(width * (1 - zoom), x));
    y = Math.min(0, Math.max(height * (1 - zoom), y));
    layer.style.transform = `translate(${x}px, ${y}px) scale(${zoom})`;
    const edge = (border * width - x) / zoom;
    versions.forEach((each, i) => {
      const isRight = i === Number(right.value), isLeft = i === Number(left.value);
      each.classList.toggle("shown", isRight || isLeft);
      each.style.zIndex = isRight ? 1 : 0;
      each.style.clipPath = isRight && !isLeft ? `inset(0 0 0 ${edge}px)` : "";
    });
    stage.classList.toggle("zoomed", zoom > 1);
    const natural = versions[0].querySelector("img").naturalWidth || width;
    stage.classList.toggle("coarse", width * zoom / natural >= 1.5);
    output.textContent = `${zoom.toFixed(zoom % 1 ? 1 : 0)}x`;
    handle.style.left = `${100 * border}%`;
    handle.setAttribute("aria-valuenow", Math.round(100 * border));
    handle.setAttribute("aria-valuetext",
      `${Math.round(100 * border)} percent ${left.selectedOptions[0].text}, then ${right.selectedOptions[0].text}`);
  }

  function moveBorder(to) {
    border = Math.max(0, Math.min(1, to));
    draw();
  }

  function zoomTo(to, atX, atY) {
    const box = stage.getBoundingClientRect();
    atX = atX ?? border * box.width;
    atY = atY ?? box.height / 2;
    to = Math.max(1, Math.min(MOST_ZOOM, to));
    x = atX - (atX - x) * to / zoom;
    y = atY - (atY - y) * to / zoom;
    zoom = to;
    draw();
  }

  function place(event) {
    const box = stage.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top, box.width];
  }

  stage.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    const [px, py, width] = place(event);
    pointers.set(event.pointerId, [px, py]);
    stage.setPointerCapture(event.pointerId);
    const isNear = Math.abs(px - border * width) < 30;
    dragged = zoom > 1 && !isNear ? "image" : "border";
    if (dragged === "border" && pointers.size === 1 && event.pointerType === "mouse") moveBorder(px / width);
    handle.focus({preventScroll: true});
    event.preventDefault();
  });
  stage.addEventListener("pointermove", (event) => {
    if (!pointers.has(event.pointerId)) return;
    const before = [...pointers.values()].map((each) => [...each]);
    const [px, py, width] = place(event);
    const [lastX, lastY] = pointers.get(event.pointerId);
    pointers.set(event.pointerId, [px, py]);
    if (pointers.size === 2) {
      const now = [...pointers.values()];
      const spread = ([a, b]) => Math.hypot(a[0] - b[0], a[1] - b[1]) || 1;
      zoomTo(zoom * spread(now) / spread(before),
        (now[0][0] + now[1][0]) / 2, (now[0][1] + now[1][1]) / 2);
    } else if (dragged === "image") {
      x += px - lastX;
      y += py - lastY;
      draw();
    } else {
      moveBorder(px / width);
    }
  });
  for (const name of ["pointerup", "pointercancel"]) {
    stage.addEventListener(name, (event) => pointers.delete(event.pointerId));
  }
  stage.addEventListener("dblclick", (event) => {
    const [px, py] = place(event);
    zoomTo(zoom > 1 ? 1 : 4, px, py);
  });
  stage.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    const [px, py] = place(event);
    zoomTo(zoom * Math.exp(-event.deltaY / 200), px, py);
  }, {passive: false});
  handle.addEventListener("keydown", (event) => {
    const step = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]}[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (step && event.shiftKey) {
      x -= 40 * step[0];
      y -= 40 * step[1];
      draw();
    } else if (step) {
      moveBorder(border + 0.02 * (step[0] || -step[1]));
    } else if (event.key === "Home" || event.key === "End") {
      moveBorder(event.key === "Home" ? 0 : 1);
    } else if (event.key === "+" || event.key === "=") {
      zoomTo(zoom * 2);
    } else if (event.key === "-") {
      zoomTo(zoom / 2);
    } else {
      return;
    }
    event.preventDefault();
  });
  figure.querySelector(".in").addEventListener("click", () => zoomTo(zoom * 2));
  figure.querySelector(".out").addEventListener("click", () => zoomTo(zoom / 2));
  new ResizeObserver(draw).observe(stage);
  draw();
}

document.querySelectorAll(".viewer").forEach(setUpViewer);
