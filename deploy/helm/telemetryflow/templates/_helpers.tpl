{{- define "telemetryflow.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "telemetryflow.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else if contains (include "telemetryflow.name" .) .Release.Name }}
{{- .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "telemetryflow.name" .) | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "telemetryflow.selector" -}}
app.kubernetes.io/name: {{ include "telemetryflow.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "telemetryflow.labels" -}}
{{ include "telemetryflow.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "telemetryflow.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "telemetryflow.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* A value in TOML, on one line. Numbers of YAML are doubles here; the configuration has integers only. */}}
{{- define "telemetryflow.toml" -}}
{{- if kindIs "map" . -}}
{ {{- range $at, $key := keys . | sortAlpha }}{{ if $at }},{{ end }} {{ $key | toJson }} = {{ include "telemetryflow.toml" (get $ $key) }}{{ end }} }
{{- else if kindIs "slice" . -}}
[{{- range $at, $item := . }}{{ if $at }}, {{ end }}{{ include "telemetryflow.toml" $item }}{{ end }}]
{{- else if or (kindIs "float64" .) (kindIs "int64" .) (kindIs "int" .) -}}
{{ int64 . }}
{{- else -}}
{{ toJson . }}
{{- end -}}
{{- end }}

{{/* config.toml: a section for each map, which holds its keys. */}}
{{- define "telemetryflow.config" -}}
{{- range $section, $keys := .Values.config }}
[{{ $section }}]
{{- range $key, $value := $keys }}
{{ $key | toJson }} = {{ include "telemetryflow.toml" $value }}
{{- end }}
{{ end }}
{{- end }}

{{/* A duration of the configuration (25s, 1m30s) in whole seconds. */}}
{{- define "telemetryflow.seconds" -}}
{{- $units := dict "ms" 0 "s" 1 "m" 60 "h" 3600 "d" 86400 -}}
{{- $sum := 0 -}}
{{- range regexFindAll "[0-9]+(ms|s|m|h|d)" . -1 -}}
{{- $unit := regexFind "[a-z]+" . -}}
{{- $sum = add $sum (mul (atoi (trimSuffix $unit .)) (get $units $unit)) -}}
{{- end -}}
{{- $sum -}}
{{- end }}

{{/* Longer than [shutdown] deadline: what waits before the signal, and the end of the process. */}}
{{- define "telemetryflow.grace" -}}
{{- $shutdown := default dict .Values.config.shutdown -}}
{{- add 15 (include "telemetryflow.seconds" (default "25s" $shutdown.deadline)) -}}
{{- end }}
