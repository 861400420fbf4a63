"use strict";
// Two pictures, one over the other, of those in the same section.
document.querySelectorAll(".problem").forEach((section) => {
  const viewer = section.querySelector(".viewer");
  const pictures = [...section.querySelectorAll("img[data-name]")];
  if (!viewer || pictures.length < 2) return;
  const [left, right, zoom] = ["left", "right", "zoom"].map((name) => viewer.querySelector("." + name));
  const divider = viewer.querySelector("input");
  const stage = viewer.querySelector(".stage");
  const pair = viewer.querySelector(".pair");
  pictures.forEach((picture, number) => {
    left.add(new Option(picture.dataset.name, number));
    right.add(new Option(picture.dataset.name, number));
  });
  right.value = "1";
  const show = () => {
    pair.replaceChildren(...[left, right].map((choice) => {
      const source = pictures[Number(choice.value)];
      const copy = new Image();
      copy.alt = source.alt;
      copy.draggable = false;
      copy.src = source.src;
      return copy;
    }));
    const factor = Number(zoom.value);
    pair.classList.toggle("zoomed", factor > 1);
    pair.style.width = factor ? pictures[0].getAttribute("width") * factor + "px" : "100%";
  };
  const divide = () => {
    pair.style.setProperty("--at", divider.value + "%");
    divider.setAttribute("aria-valuetext", `${left.selectedOptions[0].text} up to ${divider.value} %, then ${right.selectedOptions[0].text}`);
  };
  [left, right, zoom].forEach((choice) => choice.addEventListener("change", () => { show(); divide(); }));
  divider.addEventListener("input", divide);
  const follow = (event) => {
    const box = pair.getBoundingClientRect();
    divider.value = String(Math.round(100 * (event.clientX - box.left) / box.width));
    divide();
  };
  pair.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "touch" && pair.classList.contains("zoomed")) return; // a finger moves the zoomed picture
    pair.setPointerCapture(event.pointerId);
    follow(event);
  });
  pair.addEventListener("pointermove", (event) => { if (pair.hasPointerCapture(event.pointerId)) follow(event); });
  show();
  divide();
  viewer.hidden = false;
});

// The numbers of a chart under the pointer, or by arrow keys.
document.querySelectorAll(".plot").forEach((plot) => {
  const data = JSON.parse(plot.querySelector("script").textContent);
  const drawing = plot.querySelector(".drawing");
  const svg = drawing.querySelector("svg");
  const reading = plot.querySelector(".reading");
  const place = (axis, number) => {
    const of = axis.log ? Math.log : (value) => value;
    const part = (of(Math.max(number, axis.log ? axis.from : number)) - of(axis.from)) / (of(axis.to) - of(axis.from));
    return axis.at[0] + part * (axis.at[1] - axis.at[0]);
  };
  const named = new Map(data.ticks);
  const stops = [...new Set(data.lines.flatMap((line) => line.points.map((point) => point[0])))].sort((a, b) => a - b);
  const marks = document.createElementNS("http://www.w3.org/2000/svg", "g");
  svg.append(marks);
  let at = stops.length - 1;
  const draw = (name, attributes) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    Object.entries(attributes).forEach(([key, value]) => element.setAttribute(key, value));
    marks.append(element);
  };
  const clear = () => { marks.replaceChildren(); reading.replaceChildren(); };
  const read = () => {
    clear();
    const x = stops[at];
    const across = place(data.x, x);
    draw("line", { x1: across, x2: across, y1: data.y.at[0], y2: data.y.at[1], class: "cross" });
    const parts = [`${data.x.label}: ${named.has(x) ? named.get(x) : x}`];
    data.lines.forEach((line) => {
      const nearest = line.points.reduce((best, point) =>
        Math.abs(place(data.x, point[0]) - across) < Math.abs(place(data.x, best[0]) - across) ? point : best);
      if (Math.abs(place(data.x, nearest[0]) - across) > 8) return;
      draw("circle", { cx: place(data.x, nearest[0]), cy: place(data.y, nearest[1]), r: 4, class: "dot " + line.style });
      parts.push(`${line.name}: ${Number(nearest[1].toPrecision(5))}`);
    });
    parts.forEach((part) => {
      const item = document.createElement("span");
      item.textContent = part;
      reading.append(item);
    });
  };
  const point = (event) => {
    const box = svg.getBoundingClientRect();
    const across = (event.clientX - box.left) / box.width * svg.viewBox.baseVal.width;
    at = stops.reduce((best, stop, number) =>
      Math.abs(place(data.x, stop) - across) < Math.abs(place(data.x, stops[best]) - across) ? number : best, 0);
    read();
  };
  drawing.addEventListener("pointermove", point);
  drawing.addEventListener("pointerdown", point);
  drawing.addEventListener("pointerleave", () => { if (document.activeElement !== drawing) clear(); });
  drawing.addEventListener("blur", clear);
  drawing.addEventListener("focus", () => { if (drawing.matches(":focus-visible")) read(); });
  drawing.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    at = Math.max(0, Math.min(stops.length - 1, at + step));
    read();
  });
});

// Commands to copy.
document.querySelectorAll(".command").forEach((command) => {
  const button = command.querySelector("button");
  const code = command.querySelector("code");
  button.hidden = false;
  button.addEventListener("click", () => {
    const select = () => {
      const range = document.createRange();
      range.selectNodeContents(code);
      const selection = getSelection();
      selection.removeAllRanges();
      selection.addRange(range);
    };
    const say = (text) => { button.textContent = text; setTimeout(() => { button.textContent = "Copy"; }, 2000); };
    if (navigator.clipboard) {
      navigator.clipboard.writeText(code.textContent).then(() => say("Copied"), () => { select(); say("Press Ctrl+C"); });
    } else {
      select();
      say(document.execCommand("copy") ? "Copied" : "Press Ctrl+C");
    }
  });
});
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((each) => { each.open = true; }));
