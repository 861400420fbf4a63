// Filters above the table of all claims.  Without this script the table shows all of them.
(() => {
  const box = document.querySelector(".claims");
  if (!box) return;
  const rows = [...box.querySelectorAll("tbody tr")];
  const names = [...box.querySelectorAll("thead th")].map((cell) => cell.textContent.trim());
  const cell = (row, name) => row.cells[names.indexOf(name)].textContent.trim();
  const form = document.createElement("form");
  form.className = "filters";
  const count = document.createElement("p");
  count.className = "count";
  count.setAttribute("aria-live", "polite");

  const add = (name, field) => {
    const label = document.createElement("label");
    label.append(name, field);
    form.append(label);
    return field;
  };
  const choices = ["verdict", "section", "evidence"].map((name) => {
    const select = document.createElement("select");
    select.name = name;
    const values = [...new Set(rows.map((row) => cell(row, name)))];
    select.add(new Option("all", ""));
    for (const value of values) {
      select.add(new Option(`${value} (${rows.filter((row) => cell(row, name) === value).length})`, value));
    }
    return add(name, select);
  });
  const words = document.createElement("input");
  words.type = "search";
  words.name = "words";
  add("containing", words);

  const show = () => {
    const wanted = words.value.toLowerCase().split(/\s+/);
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      const fits = choices.every((one) => !one.value || cell(row, one.name) === one.value) && wanted.every((word) => text.includes(word));
      row.hidden = !fits;
      shown += fits;
    }
    count.textContent = `${shown} of ${rows.length} claims`;
    const chosen = new URLSearchParams(new FormData(form));
    for (const [name, value] of [...chosen]) if (!value) chosen.delete(name);
    history.replaceState(null, "", chosen.size ? `#${chosen}` : location.pathname.split("/").pop());
  };
  const given = new URLSearchParams(location.hash.slice(1));
  for (const field of [...choices, words]) if (given.get(field.name)) field.value = given.get(field.name);
  const mark = location.hash && document.getElementById(location.hash.slice(1));  // a link to a section shows that section
  if (mark && box.contains(mark)) choices[1].value = cell(mark.closest("tr"), "section");
  form.addEventListener("input", show);
  form.addEventListener("submit", (event) => event.preventDefault());
  box.prepend(form, count);
  show();
})();
