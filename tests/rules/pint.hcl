# For github.com/cloudflare/pint: pint --offline -c tests/rules/pint.hcl lint prometheus/rules.yaml
parser {
  relaxed = []
}

rule {
  match {
    kind = "alerting"
  }
  annotation "summary" {
    severity = "bug"
    required = true
  }
  annotation "description" {
    severity = "bug"
    required = true
  }
  annotation "runbook_url" {
    severity = "bug"
    required = true
  }
  label "severity" {
    severity = "bug"
    value    = "critical|warning|info"
    required = true
  }
  name "Leadterra.+" {
    severity = "bug"
  }
  for {
    severity = "bug"
    min      = "5m"
  }
}

rule {
  match {
    kind = "recording"
  }
  name "(alert|campaign|job|workspace):.+" {
    severity = "bug"
  }
}
