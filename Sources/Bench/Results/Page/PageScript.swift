/// The one script of the page: it sorts and filters what is there, and asks for nothing.
enum PageScript {
  /// The script. Without it the page shows everything, unsorted.
  static let text = """
    (function () {
      "use strict";
      const controls = document.getElementById("controls");
      const filter = document.getElementById("filter");
      const measure = document.getElementById("measure");
      const shown = document.getElementById("shown");
      const table = document.getElementById("path-table");
      if (!controls || !table) { return; }
      controls.hidden = false;

      function select() {
        const words = filter.value.toLowerCase().split(/\\s+/).filter(Boolean);
        document.querySelectorAll("[data-text]").forEach(function (element) {
          element.hidden = !words.every(function (word) { return element.dataset.text.includes(word); });
        });
        const rows = Array.from(table.tBodies[0].rows);
        shown.textContent = rows.filter(function (row) { return !row.hidden; }).length + " of " + rows.length + " lines";
      }

      function choose() {
        document.querySelectorAll("[data-measure]").forEach(function (element) {
          element.hidden = element.dataset.measure !== measure.value;
        });
      }

      function sort(heading, column) {
        const isDown = heading.getAttribute("aria-sort") === "ascending";
        Array.from(table.tHead.rows[0].cells).forEach(function (other) { other.removeAttribute("aria-sort"); });
        heading.setAttribute("aria-sort", isDown ? "descending" : "ascending");
        const rows = Array.from(table.tBodies[0].rows);
        function value(row) {
          const cell = row.cells[column];
          return "value" in cell.dataset ? (cell.dataset.value === "" ? NaN : Number(cell.dataset.value)) : cell.textContent;
        }
        rows.sort(function (one, other) {
          const first = value(one), second = value(other);
          if (typeof first === "string") { return first.localeCompare(second, "en", { numeric: true }) * (isDown ? -1 : 1); }
          if (isNaN(first) || isNaN(second)) { return isNaN(first) - isNaN(second); }
          return (first - second) * (isDown ? -1 : 1);
        });
        rows.forEach(function (row) { table.tBodies[0].appendChild(row); });
      }

      Array.from(table.tHead.rows[0].cells).forEach(function (heading, column) {
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = heading.textContent;
        heading.textContent = "";
        heading.appendChild(button);
        button.addEventListener("click", function () { sort(heading, column); });
      });
      filter.addEventListener("input", select);
      measure.addEventListener("change", choose);
      select();
      choose();
    }());
    """

  /// The source of ``text`` in the page's content policy. A test computes it again.
  static let policySource = "'sha256-7Sz48FDeVq9GKEaAlPfsgSo4W/Nvb2aUUfIk6F6yVPE='"
}
