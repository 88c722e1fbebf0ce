// A page in the portal with the answers to an operator's questions: Application Insights, Workbooks.

param displayName string
param location string
param tags object
param insightsId string

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  // Its name must be a GUID; the same at every run.
  name: guid(insightsId, 'reasoning-chat')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: displayName
    category: 'workbook'
    sourceId: insightsId
    // The queries ask this resource unless somebody chooses another.
    serializedData: string(union(loadJsonContent('../workbook.json'), { fallbackResourceIds: [insightsId] }))
  }
}

output id string = workbook.id
