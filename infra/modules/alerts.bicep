// Who is told when something is wrong, and of what. Each rule asks its query now and then and fires when there is a row.

param name string
param location string
param tags object
param insightsId string

@description('Who gets the e-mails.')
param email string

// One that somebody must act on is 1, one that somebody should look at today is 2, one to know of is 3.
var rules = [
  {
    name: 'nobody-is-answered'
    description: 'Identity, role, deployment or sign-in is wrong; it stays so until somebody acts.'
    severity: 1
    window: 'PT15M'
    query: loadTextContent('../alerts/nobody-is-answered.kql')
  }
  {
    name: 'the-program-is-at-fault'
    description: 'A panic, or another error of the program.'
    severity: 2
    // Longer than the time between two looks: a single line that arrives late is not missed.
    window: 'PT30M'
    query: loadTextContent('../alerts/the-program-is-at-fault.kql')
  }
  {
    name: 'many-fail'
    description: 'More than a tenth of the turns fail.'
    severity: 2
    window: 'PT15M'
    query: loadTextContent('../alerts/many-fail.kql')
  }
  {
    name: 'capacity-is-short'
    description: 'More than a tenth of the turns are refused with 429 by the model.'
    severity: 2
    window: 'PT15M'
    query: loadTextContent('../alerts/capacity-is-short.kql')
  }
  {
    name: 'first-token-is-slow'
    description: 'One reader in twenty waits long for the first token.'
    severity: 3
    window: 'PT15M'
    query: loadTextContent('../alerts/first-token-is-slow.kql')
  }
]

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: name
  location: 'global'
  tags: tags
  properties: {
    // At most twelve letters; the e-mails name it.
    groupShortName: 'chat'
    enabled: true
    emailReceivers: [
      {
        name: 'operator'
        emailAddress: email
        useCommonAlertSchema: true
      }
    ]
  }
}

resource alerts 'Microsoft.Insights/scheduledQueryRules@2026-03-01' = [
  for rule in rules: {
    name: '${name}-${rule.name}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: 'Chat: ${rule.name}'
      description: rule.description
      severity: rule.severity
      enabled: true
      // A resource that is seconds old has no tables yet that the query could be checked against.
      skipQueryValidation: true
      scopes: [insightsId]
      evaluationFrequency: 'PT15M'
      windowSize: rule.window
      // Closed by itself when there is no row any more.
      autoMitigate: true
      criteria: {
        allOf: [
          {
            query: rule.query
            timeAggregation: 'Count'
            operator: 'GreaterThan'
            threshold: 0
            failingPeriods: {
              numberOfEvaluationPeriods: 1
              minFailingPeriodsToAlert: 1
            }
          }
        ]
      }
      actions: {
        actionGroups: [people.id]
      }
    }
  }
]
