// What `azd monitor` opens: the ways to the workbook and into Application Insights. It measures nothing itself.

param name string
param title string
param location string
param tags object
param insightsId string
param workbookId string
param pageOrigin string

var portal = '${environment().portal}/#@${tenant().tenantId}/resource'
var questions = '- [Workbook](${portal}${workbookId}/workbook): answers, failures, waits, tokens and what they cost'
var now = '- [Live](${portal}${insightsId}/quickPulse), [failures](${portal}${insightsId}/failures), [logs](${portal}${insightsId}/logs)'
var place = '- [The page](${pageOrigin})'

resource dashboard 'Microsoft.Portal/dashboards@2025-04-01-preview' = {
  name: name
  location: location
  tags: union(tags, { 'hidden-title': title })
  properties: {
    lenses: [
      {
        order: 0
        parts: [
          {
            position: { x: 0, y: 0, colSpan: 6, rowSpan: 4 }
            metadata: {
              type: 'Extension/HubsExtension/PartType/MarkdownPart'
              inputs: []
              settings: {
                content: {
                  title: title
                  subtitle: ''
                  content: '${questions}\n${now}\n${place}'
                  markdownSource: 1
                }
              }
            }
          }
        ]
      }
    ]
  }
}
