// Draws each chart from the JSON beside it, lets the arrow keys walk its marks, and folds the tables away.
(function () {
  "use strict";
  var root = document.documentElement;

  function refuse() {
    return Promise.reject(new Error("this report asks the network for nothing"));
  }

  // Vega's expressions run in its own interpreter (ast), so the page needs no permission to evaluate text.
  var options = {
    mode: "vega-lite", renderer: "svg", ast: true, actions: false, defaultStyle: false,
    tooltip: { disableDefaultStyle: true },
    loader: { load: refuse, sanitize: refuse, http: refuse, file: refuse },
  };

  function sentences(spec) {
    var found = [];
    (spec.layer || [spec]).forEach(function (layer) {
      ((layer.data && layer.data.values) || []).forEach(function (row) {
        if (typeof row.walk === "number" && row.sentence) { found[row.walk] = row.sentence; }
      });
    });
    if (spec.data && spec.data.values) {
      spec.data.values.forEach(function (row) { if (row.sentence) { found[row.walk] = row.sentence; } });
    }
    Object.keys(spec.datasets || {}).forEach(function (name) {
      spec.datasets[name].forEach(function (row) { if (row.sentence) { found[row.walk] = row.sentence; } });
    });
    return found;
  }

  function walk(holder, view, words) {
    var status = holder.parentElement.querySelector(".status");
    var at = -1;
    function go(next) {
      at = Math.max(0, Math.min(words.length - 1, next));
      status.textContent = words[at];
      view.signal("cursor", at).runAsync();
    }
    holder.addEventListener("keydown", function (event) {
      var steps = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: words.length - 1 };
      if (!(event.key in steps) || event.altKey || event.ctrlKey || event.metaKey) { return; }
      event.preventDefault();
      go(steps[event.key]);
    });
    holder.addEventListener("blur", function () {
      at = -1;
      status.textContent = "";
      view.signal("cursor", at).runAsync();
    });
  }

  function draw(holder) {
    var spec = JSON.parse(document.getElementById(holder.dataset.spec).textContent);
    var words = sentences(spec);
    return window.vegaEmbed(holder, spec, options).then(function (result) {
      walk(holder, result.view, words);
    }, function (error) {
      // The table beneath says the same; say why the drawing is missing and open it.
      holder.parentElement.querySelector(".status").textContent = "This chart could not be drawn (" + error.message + "); its table follows.";
      return "failed";
    });
  }

  function foldTables() {
    document.querySelectorAll("details.twin").forEach(function (twin) { twin.open = false; });
  }

  function offerCopy() {
    if (!navigator.clipboard) { return; }
    document.querySelectorAll("code.copy").forEach(function (code) {
      var button = document.createElement("button");
      button.type = "button";
      button.title = code.textContent;
      button.className = "copier";
      // In a table the button stands for the command, which would make every row two lines high.
      var inTable = Boolean(code.closest("td"));
      button.textContent = inTable ? "Copy command" : "Copy";
      if (inTable) { code.classList.add("unseen"); }
      button.setAttribute("aria-label", "Copy: " + code.textContent);
      button.addEventListener("click", function () {
        navigator.clipboard.writeText(code.textContent).then(function () { button.textContent = "Copied"; });
      });
      code.after(button);
    });
  }

  function offerTheme() {
    var button = document.getElementById("theme");
    var dark = window.matchMedia("(prefers-color-scheme: dark)").matches;
    function name() { button.textContent = dark ? "Light" : "Dark"; }
    button.hidden = false;
    name();
    button.addEventListener("click", function () {
      dark = !dark;
      root.dataset.theme = dark ? "dark" : "light";
      name();
    });
  }

  offerTheme();
  offerCopy();
  var holders = Array.prototype.slice.call(document.querySelectorAll(".chart"));
  Promise.all(holders.map(draw)).then(function (results) {
    if (results.indexOf("failed") < 0) { foldTables(); }
    root.dataset.ready = results.indexOf("failed") < 0 ? "charts" : "tables";
  });
})();
