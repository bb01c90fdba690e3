//! Grafana's dashboards, written from what their panels show: `helm/platform-core/files/dashboards/<uid>.json`.

mod content;

use std::path::PathBuf;

use anyhow::Result;
use serde_json::{Value, json};

/// Where they are; the chart makes a ConfigMap of each, which Grafana's sidecar finds by its label.
const FOLDER: &str = "helm/platform-core/files/dashboards";
/// Panels beside each other.
const ABREAST: usize = 3;
const WIDTH: usize = 24 / ABREAST;
const HEIGHT: usize = 8;

/// Who answers a panel's questions.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    Prometheus,
    Loki,
}

impl Source {
    /// Kind of data source, and the dashboard's variable for it.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Prometheus => ("prometheus", "datasource"),
            Self::Loki => ("loki", "logs"),
        }
    }
}

struct Panel {
    title: &'static str,
    unit: &'static str,
    source: Source,
    /// Legend and expression of each line.
    lines: &'static [(&'static str, &'static str)],
}

struct Row {
    title: &'static str,
    panels: &'static [Panel],
}

struct Dashboard {
    uid: &'static str,
    title: &'static str,
    /// Whether one chooses a service.
    by_service: bool,
    rows: &'static [Row],
}

const fn panel(
    title: &'static str,
    unit: &'static str,
    lines: &'static [(&'static str, &'static str)],
) -> Panel {
    Panel { title, unit, source: Source::Prometheus, lines }
}

const fn logs(title: &'static str, lines: &'static [(&'static str, &'static str)]) -> Panel {
    Panel { title, unit: "short", source: Source::Loki, lines }
}

/// Every file.
pub(super) fn files(services: &[String]) -> Result<Vec<(PathBuf, String)>> {
    content::ALL
        .iter()
        .map(|dashboard| {
            let file = PathBuf::from(FOLDER).join(format!("{}.json", dashboard.uid));
            Ok((file, format!("{}\n", serde_json::to_string_pretty(&dashboard.json(services))?)))
        })
        .collect()
}

impl Dashboard {
    fn json(&self, services: &[String]) -> Value {
        let mut panels = Vec::new();
        let mut y = 0;
        for row in self.rows {
            panels
                .push(json!({"id": panels.len() + 1, "type": "row", "title": row.title, "collapsed": false,
                "gridPos": {"x": 0, "y": y, "w": 24, "h": 1}, "panels": []}));
            y += 1;
            for (place, panel) in row.panels.iter().enumerate() {
                let at = json!({"x": place % ABREAST * WIDTH, "y": y + place / ABREAST * HEIGHT, "w": WIDTH, "h": HEIGHT});
                panels.push(panel.json(panels.len() + 1, &at));
            }
            y += row.panels.len().div_ceil(ABREAST) * HEIGHT;
        }
        let has_logs = self.rows.iter().flat_map(|row| row.panels).any(|panel| panel.source == Source::Loki);
        let mut variables = vec![source_variable(Source::Prometheus, "Metrics")];
        variables.extend(has_logs.then(|| source_variable(Source::Loki, "Logs")));
        variables.extend(self.by_service.then(|| {
            json!({"name": "service", "label": "Service", "type": "custom", "query": services.join(","),
                "includeAll": false, "multi": false})
        }));
        json!({
            "uid": self.uid, "title": self.title, "tags": ["guildhall"], "schemaVersion": 39, "editable": false,
            "refresh": "1m", "time": {"from": "now-6h", "to": "now"}, "timezone": "utc",
            "templating": {"list": variables}, "panels": panels,
        })
    }
}

fn source_variable(source: Source, label: &str) -> Value {
    let (kind, name) = source.names();
    json!({"name": name, "label": label, "type": "datasource", "query": kind, "current": {}, "hide": 0})
}

impl Panel {
    fn json(&self, id: usize, at: &Value) -> Value {
        let (kind, variable) = self.source.names();
        let source = json!({"type": kind, "uid": format!("${{{variable}}}")});
        let targets = self.lines.iter().zip('A'..='Z').map(|((legend, expression), letter)| {
            json!({"refId": letter.to_string(), "expr": expression, "legendFormat": legend, "datasource": source})
        });
        json!({
            "id": id, "type": "timeseries", "title": self.title, "gridPos": at, "datasource": source,
            "fieldConfig": {"defaults": {"unit": self.unit, "min": 0, "custom": {"fillOpacity": 10, "showPoints": "never"}},
                "overrides": []},
            "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
            "targets": targets.collect::<Vec<_>>(),
        })
    }
}
