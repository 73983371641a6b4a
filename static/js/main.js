// Starts everything a page may need. Each module looks for its own marks in the document.
import "./theme.js";
import "./keys.js";
import "./forms.js";
import "./live.js";
import "./charts.js";
import "./pictures.js";
import "./promql.js";
import "./board.js";
import "./boardedit.js";
