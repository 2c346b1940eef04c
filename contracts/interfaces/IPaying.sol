// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

/// @title What every contract of ours that pays has in common: one asset, credits for refused payments, a pause
/// @notice Amounts are in the smallest unit of the asset (wei, or the token's).
interface IPaying {
    event Withdrawn(address indexed account, address indexed to, uint256 amount);
    event CreditMoveProposed(address indexed account, address indexed to, uint256 readyAt);
    event CreditMoveCancelled(address indexed account);
    event CreditMoved(address indexed account, address indexed to, uint256 amount);
    event PausedUntil(uint256 until);

    error ListTooLong(uint256 given, uint256 limit);
    error NoCredit(address account);
    error CreditTooYoung(address account, uint256 movableFrom);
    error NoCreditMove(address account);
    error CreditMoveNotReady(address account, uint256 readyAt);
    error PaymentFailed(address to, uint256 amount);
    error BadRecipient(address to);
    error BadSignature(address account);
    error SignatureExpired(uint256 deadline);
    error WrongValue(uint256 given, uint256 expected);
    error NothingReceived();
    error TooMuchMoney(uint256 balance, uint256 limit);
    error NoSurplus();
    error NotAToken(address token);
    error BadParam(bytes32 name, uint256 given, uint256 min, uint256 max);
    error Paused(uint256 until);
    error NotPaused();

    /// @notice Pays an account its whole credit, with all gas. Anyone; never paused.
    function withdraw(address account) external;

    /// @notice Pays the caller's whole credit to another address.
    function withdrawTo(address to) external;

    /// @notice The same with the account's EIP-712 or EIP-1271 signature over
    /// WithdrawTo(address account,address to,uint256 nonce,uint256 deadline).
    function withdrawToBySig(
        address account,
        address to,
        uint256 deadline,
        bytes calldata signature
    ) external;

    /// @notice Starts 30 days' notice to re-point a credit that is 180 days old. Admin only.
    function proposeCreditMove(address account, address to) external;
    /// @notice The account refuses the move.
    function cancelCreditMove() external;
    /// @notice Carries the move out after the notice. Anyone.
    function executeCreditMove(address account) external;

    /// @notice Stops what the keeper does for at most 72 h; at most 7 days in any 30. Guardian only. Ends by itself.
    /// Withdrawals and a payee's own claim are never stopped.
    function pauseFor(uint256 duration) external;
    function unpause() external;

    /// @return The token, or zero for the native coin.
    function asset() external view returns (address);
    function creditOf(address account) external view returns (uint256 amount, uint256 since);
    function pausedUntil() external view returns (uint256);
}
