/// The part of a page that follows a run while it goes on, with its script.
struct LiveSection: Sendable {
  /// The state of the run when the page was made.
  let progress: RunProgress

  /// What the page's content policy allows beside what it allows anyway: this script, and questions to the server that sent the page.
  static let policy = "\(scriptPolicySource); connect-src 'self'"

  /// The element.
  var html: String {
    let boots =
      progress.plannedBoots.map { "\(progress.finishedBoots) of \($0) boots" }
      ?? "\(progress.finishedBoots) rows"
    return """
      <section id="live" data-version="\(HTMLText.escaped(progress.rowsVersion))" aria-live="polite">
      <h2>Live</h2>
      <p><span id="live-boots">\(HTMLText.escaped(boots))</span>. <span id="live-rate">No window publishes now.</span>
      <button type="button" id="live-reload" hidden>Show the boots that have ended since</button></p>
      <svg id="live-line" class="dots" role="img" viewBox="0 0 360 60" aria-label="Requests per second over the last two minutes" hidden>
      <path class="live-path" d=""/><text id="live-top" x="4" y="12"></text></svg>
      </section>

      """
  }

  /// Asks the server every second how far the run is.
  static let script = """
    (function () {
      "use strict";
      const section = document.getElementById("live");
      const line = document.getElementById("live-line");
      const rates = [];
      document.getElementById("live-reload").addEventListener("click", function () { location.reload(); });

      function show(state) {
        const planned = state.boots_planned;
        document.getElementById("live-boots").textContent = planned === undefined
          ? state.boots_finished + " rows" : state.boots_finished + " of " + planned + " boots";
        const rate = state.live.reduce(function (sum, one) { return sum + one.iops; }, 0);
        const titles = state.live.map(function (one) { return one.title + ", " + one.seconds.toFixed(0) + " s"; });
        document.getElementById("live-rate").textContent = titles.length === 0
          ? "No window publishes now." : Math.round(rate).toLocaleString("en") + " IOPS (" + titles.join("; ") + ").";
        document.getElementById("live-reload").hidden = state.rows_version === section.dataset.version;
        rates.push(titles.length === 0 ? null : rate);
        if (rates.length > 120) { rates.shift(); }
        const most = Math.max.apply(null, rates.concat([1]));
        let path = "", isOpen = false;
        rates.forEach(function (rate, place) {
          if (rate === null) { isOpen = false; return; }
          path += (isOpen ? "L" : "M") + (3 * place) + " " + (56 - 40 * rate / most).toFixed(1);
          isOpen = true;
        });
        line.querySelector("path").setAttribute("d", path);
        document.getElementById("live-top").textContent = "0 to " + Math.round(most).toLocaleString("en") + " IOPS, two minutes";
        line.toggleAttribute("hidden", path === "");
      }

      function ask() {
        fetch("/live.json", { cache: "no-store" }).then(function (answer) { return answer.json(); }).then(show)
          .catch(function () { document.getElementById("live-rate").textContent = "bench view does not answer."; })
          .finally(function () { setTimeout(ask, 1000); });
      }
      ask();
    }());
    """

  /// The source of ``script`` in a content policy. A test computes it again.
  static let scriptPolicySource = "'sha256-zWmZ7vK4a4E16rqqPR1tSEyFpQEbRxjCvg/9DRHrBL4='"
}
