{{- define "exporter.name" -}}
{{- $long := contains .Chart.Name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name .Chart.Name) -}}
{{- .Values.fullnameOverride | default $long | trunc 52 | trimSuffix "-" -}}
{{- end }}

{{- define "exporter.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "exporter.labels" -}}
{{ include "exporter.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- /* A list's ConfigMap: each has its own, as one may hold 1 MiB. */ -}}
{{- define "exporter.list" -}}
{{ include "exporter.name" (index . 0) }}-list-{{ index . 1 | sha256sum | trunc 8 }}
{{- end }}
