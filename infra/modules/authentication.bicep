// Who gets past the function app's front door: App Service Authentication, before the program sees a request.

param appName string
param allowAnonymous bool
param signInClientId string
param signInUri string

@description('Client ids that may ask for tokens besides the page.')
param clients array

resource app 'Microsoft.Web/sites@2025-03-01' existing = {
  name: appName
}

// Always deployed: were it left out for anonymous use, an earlier run's sign-in would stay on, and the other way round.
resource authentication 'Microsoft.Web/sites/config@2025-03-01' = {
  parent: app
  name: 'authsettingsV2'
  properties: {
    platform: {
      enabled: !allowAnonymous
      runtimeVersion: '~1'
    }
    globalValidation: {
      requireAuthentication: !allowAnonymous
      unauthenticatedClientAction: allowAnonymous ? 'AllowAnonymous' : 'Return401'
    }
    httpSettings: {
      requireHttps: true
    }
    identityProviders: allowAnonymous
      ? {}
      : {
          azureActiveDirectory: {
            enabled: true
            registration: {
              // This tenant's issuer: tokens of any other are refused.
              openIdIssuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
              clientId: signInClientId
            }
            validation: {
              // Version 2 tokens carry the client id as audience, version 1 tokens the URI.
              allowedAudiences: [signInClientId, signInUri]
              defaultAuthorizationPolicy: {
                // Only tokens that the page's own registration asked for, or a client that was named.
                allowedApplications: concat([signInClientId], clients)
              }
            }
          }
        }
    login: {
      // The page holds its token itself; the platform keeps none.
      tokenStore: {
        enabled: false
      }
    }
  }
}

// Publishing is by Entra token only. One after the other: the site takes one change of its configuration at a time.
resource noFtpPassword 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: app
  name: 'ftp'
  dependsOn: [authentication]
  properties: {
    allow: false
  }
}

resource noScmPassword 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: app
  name: 'scm'
  dependsOn: [noFtpPassword]
  properties: {
    allow: false
  }
}
