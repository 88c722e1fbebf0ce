// One app registration for the page that signs people in and the API that checks their tokens. No secret: the page is a
// public client (authorization code with PKCE), and the API only validates.

extension microsoftGraphV1

@description('The registration\'s key: with the same name a later run finds and updates it.')
param uniqueName string
param displayName string
param pageOrigin string
param requireAssignment bool
param serviceManagementReference string

// Tenants that restrict these URIs accept this pattern, and it is known before the registration exists.
var uri = 'api://${tenant().tenantId}/${uniqueName}'

resource registration 'Microsoft.Graph/applications@v1.0' = {
  uniqueName: uniqueName
  displayName: displayName
  signInAudience: 'AzureADMyOrg'
  serviceManagementReference: empty(serviceManagementReference) ? null : serviceManagementReference
  identifierUris: [uri]
  api: {
    requestedAccessTokenVersion: 2
    oauth2PermissionScopes: [
      {
        id: guid(uniqueName, 'user_impersonation')
        value: 'user_impersonation'
        type: 'User'
        isEnabled: true
        adminConsentDisplayName: 'Chat'
        adminConsentDescription: 'Lets the page call the chat API as the signed-in user.'
        userConsentDisplayName: 'Chat'
        userConsentDescription: 'Lets the page call the chat API as you.'
      }
    ]
  }
  spa: {
    // The page's address as the page gives it, with the slash. No local one: a local page talks to a local program, which asks nobody to sign in.
    redirectUris: ['${pageOrigin}/']
  }
}

resource principal 'Microsoft.Graph/servicePrincipals@v1.0' = {
  appId: registration.appId
  appRoleAssignmentRequired: requireAssignment
}

output clientId string = registration.appId
output uri string = uri
